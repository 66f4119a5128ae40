#![forbid(unsafe_code)]
//! C programs, unchanged, under one allocator or another by `LD_PRELOAD`.
//!
//! The time is that of the program on the CPU, in user and kernel, as the shell
//! tells it. What a program prints must be the same under both.

use super::means;
use crate::child;
use crate::contest::Timing;
use crate::error::Error;
use crate::suite::Run;
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The rows that this file reports.
pub(super) const NAMES: [&str; 9] = [
    "preload/sqlite",
    "preload/python",
    "preload/perl",
    "preload/gcc",
    "preload/jq",
    "preload/lua",
    "preload/gawk",
    "preload/bc",
    "preload/mean",
];

/// Rounds, and rounds of a quick run.
const ROUNDS: (usize, usize) = (11, 3);

/// A library to preload.
struct Library {
    name: &'static str,
    path: PathBuf,
}

/// A program with its work, as the shell starts it in the folder of the work.
struct Program {
    row: &'static str,
    /// What must be there.
    needs: &'static str,
    line: &'static str,
}

const PROGRAMS: [Program; 8] = [
    Program {
        row: NAMES[0],
        needs: "sqlite3",
        line: "sqlite3 :memory: <work.sql",
    },
    Program {
        row: NAMES[1],
        needs: "python3",
        line: "env PYTHONMALLOC=malloc PYTHONHASHSEED=1 python3 work.py",
    },
    Program {
        row: NAMES[2],
        needs: "perl",
        line: "env PERL_HASH_SEED=1 perl work.pl",
    },
    Program {
        row: NAMES[3],
        needs: "gcc",
        // The compiler proper: the driver only starts it.
        line: "$(gcc -print-prog-name=cc1) -quiet -O2 -g work.c -o -",
    },
    Program {
        row: NAMES[4],
        needs: "jq",
        line: "jq -n -c -f work.jq",
    },
    Program {
        row: NAMES[5],
        needs: "lua5.4",
        line: "lua5.4 work.lua",
    },
    Program {
        row: NAMES[6],
        needs: "gawk",
        line: "gawk -f work.awk",
    },
    Program {
        row: NAMES[7],
        needs: "bc",
        line: "bc -l -q work.bc",
    },
];

/// What the programs read.
const WORKS: [(&str, &str); 7] = [
    ("work.sql", include_str!("../../../alloc/programs/work.sql")),
    ("work.py", include_str!("../../../alloc/programs/work.py")),
    ("work.pl", include_str!("../../../alloc/programs/work.pl")),
    ("work.jq", include_str!("../../../alloc/programs/work.jq")),
    ("work.lua", include_str!("../../../alloc/programs/work.lua")),
    ("work.awk", include_str!("../../../alloc/programs/work.awk")),
    ("work.bc", include_str!("../../../alloc/programs/work.bc")),
];

/// Runs the rows that are wanted.
pub(super) fn run(run: &mut Run<'_>) -> Result<(), Error> {
    if !NAMES.iter().any(|row| run.wants(row)) {
        return Ok(());
    }
    let folder = std::env::temp_dir().join(format!("millpond-preload-{}", std::process::id()));
    let result = libraries(&folder).and_then(|libraries| match libraries {
        Ok(libraries) => rows(run, &folder, &libraries),
        Err(why) => run.report.say(&format!("preload rows left out: {why}\n")),
    });
    // Nothing to report where it was never made.
    let _ = fs::remove_dir_all(&folder);
    result
}

fn rows(run: &mut Run<'_>, folder: &Path, libraries: &[Library]) -> Result<(), Error> {
    let write = |name: &str, text: &str| {
        fs::write(folder.join(name), text).map_err(|e| Error::Io(format!("writing {name}"), e))
    };
    for (name, text) in WORKS {
        write(name, text)?;
    }
    write("work.c", &c_source())?;
    let mut all: Vec<Vec<Timing>> = Vec::new();
    for program in &PROGRAMS {
        if !run.wants(program.row) && !run.wants("preload/mean") {
            continue;
        }
        if !is_there(program.needs) {
            let needs = program.needs;
            run.report
                .say(&format!("{} left out: no {needs} here\n", program.row))?;
            continue;
        }
        let timings = meet(run, folder, libraries, program)?;
        run.report.contest(program.row, "ns", &timings)?;
        all.push(timings);
    }
    if all.len() < PROGRAMS.len() {
        return Ok(());
    }
    run.report
        .contest("preload/mean", "ns", &means::over_rows(&all))
}

fn meet(
    run: &mut Run<'_>,
    folder: &Path,
    libraries: &[Library],
    program: &Program,
) -> Result<Vec<Timing>, Error> {
    let rounds = if run.quick { ROUNDS.1 } else { ROUNDS.0 };
    let rounds = run.rounds.unwrap_or(rounds);
    let timing = |(at, library): (usize, &Library)| Timing {
        name: library.name.to_owned(),
        is_rival: at > 0,
        ns: Vec::new(),
    };
    let mut timings: Vec<Timing> = libraries.iter().enumerate().map(timing).collect();
    let mut answer = None;
    for round in 0..rounds {
        run.report
            .progress(program.row, &format!("round {}/{rounds}", round + 1));
        for turn in 0..libraries.len() {
            let who = (round + turn) % libraries.len();
            let (printed, ns) = timed(folder, &libraries[who], program)?;
            let right = answer.get_or_insert_with(|| printed.clone());
            if *right != printed {
                return Err(Error::WrongAnswer {
                    row: format!("alloc/{}", program.row),
                    engine: libraries[who].name.to_owned(),
                    detail: "it printed something else".to_owned(),
                });
            }
            timings[who].ns.push(ns);
        }
    }
    Ok(timings)
}

/// Runs a program once; returns what it printed and its time in nanoseconds.
fn timed(folder: &Path, library: &Library, program: &Program) -> Result<(Vec<u8>, f64), Error> {
    // The shell itself is not under the library; what it starts is.
    let script = format!(
        "TIMEFORMAT='%3U %3S'; program() {{ LD_PRELOAD='{}' {}; }}; time program 2>&1",
        library.path.display(),
        program.line,
    );
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| Error::Io("starting bash".into(), e))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let failed = || {
        let printed = String::from_utf8_lossy(&output.stdout);
        let (row, name) = (program.row, library.name);
        Error::Child(format!(
            "{row} under {name}: {}\n{printed}{said}",
            output.status
        ))
    };
    if !output.status.success() {
        return Err(failed());
    }
    let times = said.lines().last().unwrap_or_default();
    let seconds: Option<f64> = times.split(' ').map(|part| part.parse::<f64>().ok()).sum();
    let ns = seconds.ok_or_else(failed)? * 1e9;
    Ok((output.stdout, ns))
}

fn is_there(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .stdin(Stdio::null())
        .status();
    // Lua knows no such option, and is there all the same.
    found.is_ok()
}

/// Builds ours and mimalloc's; the inner error says what is missing.
fn libraries(folder: &Path) -> Result<Result<Vec<Library>, &'static str>, Error> {
    let Some(cargo) = option_env!("CARGO").filter(|_| cfg!(feature = "rivals")) else {
        return Ok(Err("they want feature `rivals`"));
    };
    if !is_there("gcc") {
        return Ok(Err("there is no gcc to build mimalloc with"));
    }
    fs::create_dir_all(folder).map_err(|e| Error::Io(format!("making {}", folder.display()), e))?;
    let ours = Library {
        name: "millpond",
        path: build_ours(cargo)?,
    };
    let theirs = Library {
        name: "mimalloc-v3",
        path: build_mimalloc(cargo, folder)?,
    };
    Ok(Ok(vec![ours, theirs]))
}

fn build_ours(cargo: &str) -> Result<PathBuf, Error> {
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--release", "--message-format=json"]);
    command.args(["-p", "millpond-preload"]);
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    let printed = child::output(&mut command)?;
    printed
        .split('"')
        .find(|text| text.ends_with("libmillpond_preload.so"))
        .map(PathBuf::from)
        .ok_or_else(|| Error::Child("cargo built no libmillpond_preload.so".into()))
}

/// The part of cargo's metadata that is wanted.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
}

/// Compiles the sources that the crate `libmimalloc-sys` brings, as a release of
/// mimalloc builds its library.
fn build_mimalloc(cargo: &str, folder: &Path) -> Result<PathBuf, Error> {
    let mut command = Command::new(cargo);
    // All features: an optional dependency is known only with its own.
    command.args([
        "metadata",
        "--format-version=1",
        "--quiet",
        "--all-features",
    ]);
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    let metadata: Metadata = serde_json::from_str(&child::output(&mut command)?)
        .map_err(|e| Error::Child(format!("cargo metadata: {e}")))?;
    let manifest = metadata
        .packages
        .into_iter()
        .find(|package| package.name == "libmimalloc-sys")
        .ok_or_else(|| Error::Child("cargo knows no libmimalloc-sys".into()))?
        .manifest_path;
    let sources = manifest.with_file_name("c_src").join("mimalloc/v3");
    let library = folder.join("libmimalloc.so");
    let mut gcc = Command::new("gcc");
    gcc.args(["-O3", "-DNDEBUG", "-shared", "-fPIC", "-fvisibility=hidden"]);
    gcc.args([
        "-ftls-model=initial-exec",
        "-fno-builtin-malloc",
        "-pthread",
    ]);
    gcc.args([
        "-DMI_MALLOC_OVERRIDE",
        "-DMI_SHARED_LIB",
        "-DMI_SHARED_LIB_EXPORT",
    ]);
    gcc.arg("-I").arg(sources.join("include"));
    gcc.arg(sources.join("src/static.c"))
        .arg("-o")
        .arg(&library);
    child::output(&mut gcc)?;
    Ok(library)
}

/// A source of a few thousand lines, for the compiler.
fn c_source() -> String {
    // No headers: the compiler proper does not know where the driver finds them.
    let mut text = String::from(
        "int printf(const char *, ...); void *calloc(unsigned long, unsigned long);\n\
         unsigned long strlen(const char *);\n",
    );
    for n in 1..=150 {
        text += &format!(
            "struct s{n} {{ int a[{}]; struct s{n} *next; double d; }};\n\
             static int f{n}(struct s{n} *s, int k) {{ int t = {n}; for (; s; s = s->next)\n  \
             switch (k % 7) {{ case 0: t += s->a[0]; break; case 3: t ^= (int)s->d; break;\n  \
             default: t = t * 31 + k; }} return t + (int)strlen(\"text {n}\"); }}\n",
            n % 17 + 1
        );
    }
    text += "int main(int c, char **v) { int t = 0;\n";
    for n in 1..=150 {
        text += &format!("struct s{n} *p{n} = calloc(1, sizeof *p{n}); t += f{n}(p{n}, c);\n");
    }
    text + "printf(\"%d %s\\n\", t, v[0]); return 0; }\n"
}
