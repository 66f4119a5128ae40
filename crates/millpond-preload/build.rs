#![forbid(unsafe_code)]
//! Asks the loader to start this library before all others: a constructor of
//! another one allocates, and the numbers of `MILLPOND_*` are to be read by then.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let system = std::env::var("CARGO_CFG_TARGET_OS");
    if system.is_ok_and(|system| system == "linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,initfirst");
    }
}
