//! C++'s `new` and `delete` under the library, in a program that is compiled here.

mod common;

use std::path::Path;
use std::process::Command;

#[test]
fn every_new_and_delete_comes_through_the_library() {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/new_delete.cpp");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("new_delete");
    let compiled = Command::new("c++")
        .args(["-std=c++17", "-O1", "-pthread", source, "-ldl", "-o"])
        .arg(&program)
        .output();
    let Ok(compiled) = compiled else {
        return common::skip("no C++ compiler: new and delete");
    };
    common::assert_well(&compiled);
    let output = common::under_it(&mut Command::new(program));
    common::assert_well(&output);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "well\n");
}
