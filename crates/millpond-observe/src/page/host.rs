#![forbid(unsafe_code)]
//! Which `Host` an answer is given to.
//!
//! The page has no password: it trusts whoever can reach its port, which by
//! default is this machine. A web page from elsewhere can make a browser on
//! this machine send requests here, and read the answers once its own name
//! resolves to 127.0.0.1 (DNS rebinding). Such a request carries that name as
//! its `Host`. So names are refused unless they are known; an address is
//! nobody's name, and is let in.

use std::net::{IpAddr, Ipv6Addr};

/// Returns whether a request for `host`, with or without a port, is answered.
///
/// Let in are IP addresses, `localhost` and names under it, and the names in
/// `allowed`, in whatever case.
pub(super) fn admits(host: &str, allowed: &[String]) -> bool {
    let Some(name) = without_port(host) else {
        return false;
    };
    if let Some(inner) = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        return inner.parse::<Ipv6Addr>().is_ok();
    }
    // A dot at the end makes the same name.
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    matches!(name.parse(), Ok(IpAddr::V4(_)))
        || name == "localhost"
        || name.ends_with(".localhost")
        || allowed
            .iter()
            .any(|known| known.eq_ignore_ascii_case(&name))
}

/// Cuts `:port` off; none if what follows the colon is no port.
fn without_port(host: &str) -> Option<&str> {
    let colon = match host.rfind(']') {
        Some(bracket) => host[bracket..].find(':').map(|at| bracket + at),
        None => host.find(':'),
    };
    let Some(colon) = colon else {
        return Some(host);
    };
    let port = &host[colon + 1..];
    let known = port.is_empty()
        || port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    known.then_some(&host[..colon])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_localhost_and_known_names_are_let_in() {
        let allowed = ["Stats.internal".to_owned()];
        for host in [
            "127.0.0.1",
            "127.0.0.1:9464",
            "10.1.2.3:80",
            "[::1]",
            "[::1]:9464",
            "localhost",
            "LocalHost:1",
            "localhost.:1",
            "web.localhost:9464",
            "stats.internal",
            "STATS.INTERNAL:443",
            "localhost:",
        ] {
            assert!(admits(host, &allowed), "{host}");
        }
    }

    #[test]
    fn every_other_name_is_refused() {
        let allowed = ["stats.internal".to_owned()];
        for host in [
            "",
            ":80",
            ".",
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "evillocalhost",
            "stats.internal.evil.example",
            "other.stats.internal",
            "127.0.0.1:80:80",
            "127.0.0.1:99999",
            "127.0.0.1:+80",
            "127.0.0.1 evil.example",
            "127.1",
            "0x7f000001",
            "2130706433",
            "[::1",
            "[evil.example]",
            "[::1]evil.example",
            "::1",
            "user@localhost",
        ] {
            assert!(!admits(host, &allowed), "{host}");
        }
    }
}
