//! What a process has cost so far, as Linux counts it.

use anyhow::Context;
use std::time::Duration;

/// Linux counts processor time in hundredths of a second, whatever its own clock does.
const TICK: Duration = Duration::from_millis(10);

/// Processor time of a process, of all its threads.
///
/// # Errors
/// When there is no such process, and where there is no Linux.
pub fn processor_time(pid: u32) -> anyhow::Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    // The second field is the program's name in parentheses, which may hold anything.
    let (_, after_name) = text.rsplit_once(')').context("no name")?;
    let mut fields = after_name.split_whitespace().skip(11);
    let mut ticks = || -> anyhow::Result<u32> { Ok(fields.next().context("too few fields")?.parse()?) };
    Ok(TICK * (ticks()? + ticks()?))
}

/// Memory that a process holds now, in KiB.
///
/// # Errors
/// When there is no such process, and where there is no Linux.
pub fn resident_kib(pid: u32) -> anyhow::Result<u64> {
    status(pid, "VmRSS:")
}

/// The most memory that a process ever held, in KiB.
///
/// # Errors
/// When there is no such process, and where there is no Linux.
pub fn peak_kib(pid: u32) -> anyhow::Result<u64> {
    status(pid, "VmHWM:")
}

fn status(pid: u32, name: &str) -> anyhow::Result<u64> {
    let path = format!("/proc/{pid}/status");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name}"))?;
    Ok(line.split_whitespace().next().context("no figure")?.parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_costs_something() {
        let began = std::time::Instant::now();
        while began.elapsed() < Duration::from_millis(50) {}
        let pid = std::process::id();
        assert!(processor_time(pid).expect("it runs") >= TICK);
        assert!(resident_kib(pid).expect("it runs") <= peak_kib(pid).expect("it runs"));
    }
}
