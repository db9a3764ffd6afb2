//! The command line: which commands there are, and which options each of them
//! takes. An option may stand before its command, too.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

/// The live chat that a small shop runs itself.
#[derive(Parser)]
#[command(name = "shopbell", version, about, disable_help_subcommand = true)]
struct Words {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
pub enum Command {
    /// Start the server (what `shopbell` alone does)
    Serve,
    /// Start on a temporary shop that has been open for months, to look around
    Demo,
    /// Save everything as one file, also while the server runs
    Backup {
        /// Where to; an older backup of that name is replaced
        file: PathBuf,
    },
    /// Put a backup into a new data folder, or in the place of a stopped one's database
    Restore {
        /// What `backup` made
        file: PathBuf,
    },
    /// Say what is wrong with the data folder and the configuration; change nothing
    Check,
    /// Create agents and set passwords without the browser
    Agent {
        #[command(subcommand)]
        command: AgentCommand,
    },
}

#[derive(Subcommand)]
pub enum AgentCommand {
    /// Create an agent
    Add {
        #[arg(long)]
        email: String,
        #[arg(long)]
        name: String,
        #[arg(long, value_parser = ["owner", "admin", "agent"])]
        role: String,
        /// Read the password from standard input
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    /// Set an agent's password and end that agent's sessions
    Password {
        #[arg(long)]
        email: String,
        /// Read the password from standard input
        #[arg(long, required = true)]
        password_stdin: bool,
    },
}

/// What the operator decides, by a flag or in the environment (`config`).
struct Choice {
    name: &'static str,
    value: &'static str,
    environment: &'static str,
    help: &'static str,
}

const CHOICES: [Choice; 8] = [
    Choice {
        name: "data",
        value: "FOLDER",
        environment: "SHOPBELL_DATA",
        help: "The folder everything is kept in [default: ./shopbell-data]",
    },
    Choice {
        name: "listen",
        value: "ADDRESS:PORT",
        environment: "SHOPBELL_LISTEN",
        help: "Address and port to listen on [default: 127.0.0.1:8080]",
    },
    Choice {
        name: "public-url",
        value: "URL",
        environment: "SHOPBELL_PUBLIC_URL",
        help: "How the world reaches this server; links in mails begin with it [default: http://localhost:8080]",
    },
    Choice {
        name: "trusted-proxies",
        value: "ADDRESSES",
        environment: "SHOPBELL_TRUSTED_PROXIES",
        help: "Proxies whose X-Forwarded-For is believed: addresses or networks, separated by commas",
    },
    Choice {
        name: "smtp-url",
        value: "URL",
        environment: "SHOPBELL_SMTP_URL",
        help: "The mail server: smtp://user:pass@host:587?tls=starttls, smtps://…, smtp://127.0.0.1:2525",
    },
    Choice {
        name: "mail-from",
        value: "EMAIL",
        environment: "SHOPBELL_MAIL_FROM",
        help: "The sender of mails",
    },
    Choice {
        name: "log",
        value: "FILTER",
        environment: "SHOPBELL_LOG",
        help: "What to log: error, warn, info, debug, or a filter by module [default: info]",
    },
    Choice {
        name: "visitor-rate",
        value: "NUMBER",
        environment: "SHOPBELL_VISITOR_RATE",
        help: "Messages one visitor may send in a minute [default: 60]",
    },
];

impl Choice {
    /// The demonstration has a folder of its own; what only opens the folder
    /// needs to know nothing else.
    fn is_taken_by(&self, command: &str) -> bool {
        match command {
            "shopbell" | "serve" | "check" => true,
            "demo" => self.name != "data",
            _ => matches!(self.name, "data" | "log"),
        }
    }

    fn arg(&self) -> Arg {
        Arg::new(self.name)
            .long(self.name)
            .value_name(self.value)
            .env(self.environment)
            // One of them may hold a password.
            .hide_env_values(true)
            .help(self.help)
    }
}

pub struct Call {
    pub command: Option<Command>,
    chosen: HashMap<&'static str, String>,
}

/// Why there is no call to follow.
pub enum Refusal {
    /// It was asked how to call.
    Help(clap::Error),
    /// One line.
    Wrong(String),
}

impl Call {
    pub fn read(words: impl IntoIterator<Item = OsString>) -> Result<Self, Refusal> {
        let matches = grammar().try_get_matches_from(words).map_err(refusal)?;
        let chosen = choose(&matches).map_err(Refusal::Wrong)?;
        let read = Words::from_arg_matches(&matches).map_err(refusal)?;
        let command = read.command;
        Ok(Self { command, chosen })
    }

    /// What was chosen, by the long name of a flag.
    pub fn lookup(&self, name: &str) -> Option<String> {
        self.chosen.get(name).cloned()
    }
}

fn grammar() -> clap::Command {
    with_choices(Words::command())
}

fn with_choices(command: clap::Command) -> clap::Command {
    let name = command.get_name().to_owned();
    let taken = CHOICES.iter().filter(|it| it.is_taken_by(&name));
    let command = command.args(taken.map(Choice::arg));
    command.mut_subcommands(with_choices)
}

/// Flags first, wherever they stand, and then what the environment says to those
/// who would take it as a flag.
fn choose(matches: &ArgMatches) -> Result<HashMap<&'static str, String>, String> {
    let mut path = vec!["shopbell"];
    let mut levels = vec![matches];
    while let Some((name, inner)) = levels.last().and_then(|it| it.subcommand()) {
        path.push(name);
        levels.push(inner);
    }
    let command = path.last().copied().unwrap_or_default();
    let mut chosen = HashMap::new();
    for choice in &CHOICES {
        let taken = choice.is_taken_by(command);
        let given = |source: ValueSource| {
            let mut inner_first = levels.iter().rev();
            inner_first.find_map(|it| {
                let value = it.try_get_one::<String>(choice.name).ok().flatten()?;
                (it.value_source(choice.name) == Some(source)).then(|| value.clone())
            })
        };
        match given(ValueSource::CommandLine) {
            Some(_) if !taken => {
                let (flag, call) = (choice.name, path.join(" "));
                return Err(format!(
                    "`{call}` does not take --{flag}. `{call} --help` tells what it takes"
                ));
            }
            Some(value) => chosen.insert(choice.name, value),
            None if taken => {
                given(ValueSource::EnvVariable).and_then(|value| chosen.insert(choice.name, value))
            }
            None => None,
        };
    }
    Ok(chosen)
}

/// clap says what is wrong and then how to call, over many lines.
fn refusal(error: clap::Error) -> Refusal {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Refusal::Help(error),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Refusal::Wrong("`shopbell agent` wants one of its commands: add or password".into())
        }
        _ => {
            let told = error.to_string();
            let first = told.lines().take_while(|it| !it.trim().is_empty());
            let line = first.map(str::trim).collect::<Vec<_>>().join(" ");
            let line = line.strip_prefix("error: ").unwrap_or(&line);
            Refusal::Wrong(format!("{line}. `shopbell --help` tells what there is"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_contradicts_itself_nowhere() {
        grammar().debug_assert();
    }
}
