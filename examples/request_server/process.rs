#![forbid(unsafe_code)]
//! What the operating system says this process holds.

/// Resident memory of this process, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Resident {
    pub(crate) now_bytes: u64,
    /// The most since the process started.
    pub(crate) peak_bytes: u64,
}

impl Resident {
    /// Reads `/proc/self/status`; both figures are zero where there is none.
    pub(crate) fn read() -> Resident {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        Resident {
            now_bytes: field_bytes(&status, "VmRSS:"),
            peak_bytes: field_bytes(&status, "VmHWM:"),
        }
    }
}

fn field_bytes(status: &str, field: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.trim().parse::<u64>().ok())
        .unwrap_or(0)
        * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let status = "VmPeak:\t  9 kB\nVmHWM:\t   20 kB\nVmRSS:\t  10 kB\n";
        assert_eq!(
            (field_bytes(status, "VmRSS:"), field_bytes(status, "VmHWM:")),
            (10_240, 20_480)
        );
        assert_eq!(field_bytes("", "VmRSS:"), 0);
    }
}
