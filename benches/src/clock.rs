#![forbid(unsafe_code)]
//! Which time a measurement takes.

use rustix::time::{ClockId, clock_gettime};

/// What passes between start and stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Clock {
    /// CPU time of the measuring thread, in user and kernel: a neighbour that
    /// takes the core away does not count, page faults do.
    Cpu,
    /// Time on the wall, whoever runs.
    Wall,
}

impl Clock {
    /// Returns nanoseconds since a fixed moment of the past.
    ///
    /// # Cost
    ///
    /// `Cpu` is a system call, about 0.3 µs: time batches, not operations.
    pub fn now_ns(self) -> u64 {
        let id = match self {
            Clock::Cpu => ClockId::ThreadCPUTime,
            Clock::Wall => ClockId::Monotonic,
        };
        let time = clock_gettime(id);
        time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
    }

    /// Runs `work` and returns its result with the nanoseconds it took.
    pub fn time<R>(self, work: impl FnOnce() -> R) -> (R, u64) {
        let start = self.now_ns();
        let result = work();
        (result, self.now_ns() - start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleep_passes_on_the_wall_and_not_on_the_cpu() {
        let nap = std::time::Duration::from_millis(20);
        let ((_, cpu), wall) = Clock::Wall.time(|| Clock::Cpu.time(|| std::thread::sleep(nap)));
        assert!(wall >= 20_000_000, "slept {wall} ns on the wall");
        assert!(cpu < wall, "slept {cpu} ns on the CPU");
    }
}
