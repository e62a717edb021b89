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
    Ok(times(pid)?.0)
}

/// Processor time of the children of a process that have ended, and were waited for.
///
/// # Errors
/// When there is no such process, and where there is no Linux.
pub fn children_time(pid: u32) -> anyhow::Result<Duration> {
    Ok(times(pid)?.1)
}

/// Of the process, and of its children.
fn times(pid: u32) -> anyhow::Result<(Duration, Duration)> {
    let path = format!("/proc/{pid}/stat");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    // The second field is the program's name in parentheses, which may hold anything.
    let (_, after_name) = text.rsplit_once(')').context("no name")?;
    let mut fields = after_name.split_whitespace().skip(11);
    let mut ticks = || -> anyhow::Result<u32> { Ok(fields.next().context("too few fields")?.parse()?) };
    let own = ticks()? + ticks()?;
    let children = ticks()? + ticks()?;
    Ok((TICK * own, TICK * children))
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
    fn this_process_and_its_children_cost_something() {
        let began = std::time::Instant::now();
        while began.elapsed() < Duration::from_millis(50) {}
        let pid = std::process::id();
        assert!(processor_time(pid).expect("it runs") >= TICK);
        assert!(
            std::process::Command::new("sh")
                .args(["-c", "i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done"])
                .status()
                .is_ok()
        );
        assert!(children_time(pid).expect("it runs") >= TICK);
        assert!(resident_kib(pid).expect("it runs") <= peak_kib(pid).expect("it runs"));
    }
}
