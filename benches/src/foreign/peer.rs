#![forbid(unsafe_code)]
//! A child process that answers line by line.

use crate::error::Error;
use crate::workload::Answer;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A rival's process: it reads a line, works, and writes a line.
///
/// It ends when its input does, which is when the peer is dropped.
#[derive(Debug)]
pub struct Peer {
    name: String,
    child: Child,
    /// None once the peer is being dropped.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts `program`; what it writes to stderr passes through.
    ///
    /// # Errors
    ///
    /// [`Error::Child`] when it cannot be started.
    pub fn start(program: &Path, args: &[&str]) -> Result<Peer, Error> {
        let name = program.display().to_string();
        let mut child = Command::new(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|e| Error::Child(format!("cannot run {name}: {e}")))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Error::Child(format!("{name} has no pipes")));
        };
        Ok(Peer {
            name,
            child,
            input: Some(input),
            output: BufReader::new(output),
        })
    }

    /// Sends one line and returns the line that answers it.
    ///
    /// # Errors
    ///
    /// [`Error::Child`] when the process is gone or says nothing.
    pub fn ask(&mut self, question: &str) -> Result<String, Error> {
        let failed = |how: String| Error::Child(format!("{} {how} {question:?}", self.name));
        let input = self.input.as_mut().ok_or_else(|| failed("left".into()))?;
        input
            .write_all(format!("{question}\n").as_bytes())
            .and_then(|()| input.flush())
            .map_err(|e| failed(format!("does not hear ({e})")))?;
        let mut line = String::new();
        self.output
            .read_line(&mut line)
            .map_err(|e| failed(format!("does not answer ({e})")))?;
        if !line.ends_with('\n') {
            return Err(failed("ended at".into()));
        }
        line.truncate(line.trim_end().len());
        Ok(line)
    }

    /// Sends one line and reads `nanoseconds sum found entries`.
    ///
    /// # Errors
    ///
    /// [`Error::Child`] as [`ask`](Peer::ask), and when the answer is not four numbers.
    pub fn measure(&mut self, question: &str) -> Result<(Answer, u64), Error> {
        let line = self.ask(question)?;
        let words: Result<Vec<u64>, _> = line.split_whitespace().map(str::parse).collect();
        let Ok(&[ns, sum, found, entries]) = words.as_deref() else {
            return Err(Error::Child(format!(
                "{} answered {question:?} with {line:?}, not four numbers",
                self.name
            )));
        };
        let answer = Answer {
            sum,
            found,
            entries,
        };
        Ok((answer, ns))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.input = None;
        // Its answers are in; how it ends is nobody's business any more.
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_answers_each_line_and_ends_with_its_input() {
        let mut peer = Peer::start(Path::new("cat"), &[]).unwrap();
        assert_eq!(peer.ask("hello").unwrap(), "hello");
        let (answer, ns) = peer.measure("1 2 3 4").unwrap();
        assert_eq!((ns, answer.sum, answer.found, answer.entries), (1, 2, 3, 4));
        let error = peer.measure("no numbers").unwrap_err().to_string();
        assert!(error.contains("no numbers"), "{error}");
    }

    #[test]
    fn a_peer_that_is_gone_is_an_error_with_its_name() {
        let mut peer = Peer::start(Path::new("true"), &[]).unwrap();
        let error = peer.ask("anyone?").unwrap_err().to_string();
        assert!(error.contains("true"), "{error}");
    }
}
