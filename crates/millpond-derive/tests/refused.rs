#![forbid(unsafe_code)]
//! What the compiler says to each type that `#[derive(IsZero)]` refuses.
//!
//! Each program in `refused/` is given to rustc, and what rustc says is compared with the
//! text beside it. `MILLPOND_BLESS=1` writes the texts anew.
//!
//! Only what is ours is compared: message, place and notes that name `IsZero`. How rustc
//! draws them, and which other types it suggests, changes from release to release.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

/// Returns the library of `millpond_map` that this test was built with: the newest one that
/// has the macro.
fn candidates(deps: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(deps).expect("the folder of this test");
    let mut found: Vec<(SystemTime, PathBuf)> = files
        .filter_map(|file| {
            let file = file.ok()?;
            let name = file.file_name().into_string().ok()?;
            let wanted = name.starts_with("libmillpond_map-") && name.ends_with(".rlib");
            let written = file.metadata().ok()?.modified().ok()?;
            wanted.then(|| (written, file.path()))
        })
        .collect();
    found.sort();
    found.into_iter().rev().map(|(_, path)| path).collect()
}

/// Compiles `program` against `library` and returns what rustc says, if it refuses.
fn compile(program: &Path, library: &Path, deps: &Path) -> Option<String> {
    let out = std::env::temp_dir().join(format!("millpond-refused-{}", std::process::id()));
    fs::create_dir_all(&out).expect("a folder for what is compiled");
    let mut command = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    command
        .args(["--edition=2024", "--emit=metadata", "--color=never"])
        .arg("--out-dir")
        .arg(&out)
        .arg("--extern")
        .arg(format!("millpond_map={}", library.display()))
        .arg("-L")
        .arg(format!("dependency={}", deps.display()))
        .arg(program);
    let output = command.output().expect("rustc is there");
    let _ = fs::remove_dir_all(&out);
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Returns the lines that are ours to keep: messages, places in the program, our notes.
fn ours(said: &str, program: &Path) -> String {
    let mut kept = String::new();
    let name = program.file_name().and_then(|name| name.to_str());
    for line in said.lines() {
        let trimmed = line.trim_start();
        if trimmed.starts_with("error") && !trimmed.contains("aborting due to") {
            kept.push_str(trimmed);
        } else if let Some(place) = trimmed.strip_prefix("--> ")
            && let Some(from) = name.and_then(|name| place.find(name))
        {
            kept.push_str("  at ");
            kept.push_str(&place[from..]);
        } else if trimmed.starts_with("= note: times")
            || trimmed.starts_with("= note: implement it")
        {
            kept.push_str("  ");
            kept.push_str(trimmed);
        } else {
            continue;
        }
        kept.push('\n');
    }
    kept
}

#[test]
fn each_refused_type_is_told_why() {
    let deps = std::env::current_exe().expect("this test's own program");
    let deps = deps.parent().expect("a folder").to_path_buf();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/refused");
    let mut programs: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("the programs")
        .filter_map(|file| Some(file.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ext| ext == "rs"))
        .collect();
    programs.sort();
    assert_eq!(programs.len(), 15, "a program is missing");

    // The one that has the macro: a program that it accepts compiles.
    let accepted = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/refused/accepted.txt");
    let library = candidates(&deps)
        .into_iter()
        .find(|library| compile(&accepted, library, &deps).is_none())
        .expect("a library of millpond_map with the macro");

    let bless = std::env::var_os("MILLPOND_BLESS").is_some();
    let mut faults = Vec::new();
    for program in &programs {
        let Some(said) = compile(program, &library, &deps) else {
            faults.push(format!("{} was accepted", program.display()));
            continue;
        };
        let said = ours(&said, program);
        let beside = program.with_extension("stderr");
        if bless {
            fs::write(&beside, &said).expect("a text that can be written");
            continue;
        }
        let expected = fs::read_to_string(&beside).unwrap_or_default();
        if said != expected {
            faults.push(format!(
                "{}\n--- expected\n{expected}--- said\n{said}",
                program.display()
            ));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
