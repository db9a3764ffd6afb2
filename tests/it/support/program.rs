//! The program itself, in a process of its own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Ends with whoever holds it.
pub struct Program {
    pub url: String,
    child: Child,
}

impl Program {
    /// On a free port, with what comes after `shopbell --data FOLDER`.
    pub fn start(folder: &Path, args: &[&str], environment: &[(&str, &Path)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_shopbell"))
            .args(["--data", folder.to_str().unwrap()])
            .args(["--listen", "127.0.0.1:0", "--log", "error"])
            .args(args)
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut told).unwrap();
        let url = told.trim().strip_prefix("listening on ").unwrap();
        Self {
            url: url.to_owned(),
            child,
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end (SIGTERM), and waits until it has.
    pub fn ends(mut self) {
        let id = self.id().to_string();
        let asked = Command::new("kill").arg(id).status().unwrap();
        assert!(asked.success() && self.child.wait().unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
