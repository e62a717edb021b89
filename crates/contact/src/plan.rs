//! How many connections a plan allows.

use std::fmt;
use std::str::FromStr;

/// What the operator subscribed to. Lowering a plan removes no connection, it forbids new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// 2 connections.
    Trial,
    /// 2 connections.
    Starter,
    /// 10 connections.
    Professional,
    /// 50 connections.
    Enterprise,
    /// Any number, agreed separately.
    Custom(u32),
}

impl Plan {
    /// Connections allowed at a time.
    pub const fn connections_max(self) -> u32 {
        match self {
            Self::Trial | Self::Starter => 2,
            Self::Professional => 10,
            Self::Enterprise => 50,
            Self::Custom(number) => number,
        }
    }

    /// Reads the plan's name and, for `custom`, its number of connections.
    ///
    /// # Errors
    /// An unknown name, `custom` without a number, or a number with another plan.
    pub fn new(name: &str, connections_max: Option<u32>) -> Result<Self, PlanError> {
        match (name, connections_max) {
            ("custom", Some(number)) => Ok(Self::Custom(number)),
            ("custom", None) => Err(PlanError::NumberMissing),
            ("trial", None) => Ok(Self::Trial),
            ("starter", None) => Ok(Self::Starter),
            ("professional", None) => Ok(Self::Professional),
            ("enterprise", None) => Ok(Self::Enterprise),
            ("trial" | "starter" | "professional" | "enterprise", Some(_)) => Err(PlanError::NumberUnasked),
            _ => Err(PlanError::Unknown),
        }
    }
}

impl FromStr for Plan {
    type Err = PlanError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::new(name, None)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trial => "trial",
            Self::Starter => "starter",
            Self::Professional => "professional",
            Self::Enterprise => "enterprise",
            Self::Custom(_) => "custom",
        })
    }
}

/// Why a plan could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanError {
    /// Not a plan.
    Unknown,
    /// `custom` needs its number of connections.
    NumberMissing,
    /// Only `custom` takes a number of connections.
    NumberUnasked,
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "the plans are trial, starter, professional, enterprise and custom",
            Self::NumberMissing => "the plan custom needs KIZUNA_MAX_CONNECTIONS",
            Self::NumberUnasked => "KIZUNA_MAX_CONNECTIONS goes only with the plan custom",
        })
    }
}

impl std::error::Error for PlanError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_allows_two_two_ten_fifty_or_what_was_agreed() {
        for (name, number, connections_max) in [
            ("trial", None, 2),
            ("starter", None, 2),
            ("professional", None, 10),
            ("enterprise", None, 50),
            ("custom", Some(0), 0),
            ("custom", Some(73), 73),
            ("custom", Some(u32::MAX), u32::MAX),
        ] {
            let plan = Plan::new(name, number);
            assert_eq!(plan.map(Plan::connections_max), Ok(connections_max), "{name}");
            assert_eq!(plan.map(|plan| plan.to_string()).as_deref(), Ok(name));
        }
    }

    #[test]
    fn a_number_goes_with_custom_and_only_with_custom() {
        assert_eq!(Plan::new("custom", None), Err(PlanError::NumberMissing));
        assert_eq!("custom".parse::<Plan>(), Err(PlanError::NumberMissing));
        for name in ["trial", "starter", "professional", "enterprise"] {
            assert_eq!(Plan::new(name, Some(2)), Err(PlanError::NumberUnasked), "{name}");
        }
    }

    #[test]
    fn any_other_name_is_no_plan() {
        for name in ["", "Trial", " trial", "free", "custom 10"] {
            assert_eq!(Plan::new(name, None), Err(PlanError::Unknown), "{name}");
            assert_eq!(Plan::new(name, Some(3)), Err(PlanError::Unknown), "{name}");
        }
    }
}
