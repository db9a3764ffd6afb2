//! The command line: parse, then call the library. A wrong call says what is
//! wrong and exits 2; a failure says what and what to do, and exits 1.

mod call;
mod console;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::ExitCode;

use call::{AgentCommand, Call, Command, Refusal};
use console::Console;
use shopbell::accounts::{self, NewAgent, Role, passwords};
use shopbell::config::Config;
use shopbell::db::{self, DataFolder, Db};
use shopbell::error::Error;
use shopbell::kernel::{Clock, EmailAddress};
use shopbell::texts::Lang;
use shopbell::{demo, server};
use tracing_subscriber::EnvFilter;

enum Failure {
    /// The call is wrong.
    Call(String),
    /// The call is right, and it did not work.
    Work(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Work(error.to_string())
    }
}

fn main() -> ExitCode {
    let call = match Call::read(std::env::args_os()) {
        Ok(call) => call,
        Err(Refusal::Help(asked)) => asked.exit(),
        Err(Refusal::Wrong(wrong)) => {
            tell(&format!("shopbell: {wrong}"));
            return ExitCode::from(2);
        }
    };
    match run(&call) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Call(wrong)) => {
            tell(&format!("shopbell: {wrong}"));
            ExitCode::from(2)
        }
        Err(Failure::Work(wrong)) => {
            tell(&format!("shopbell: {wrong}"));
            ExitCode::from(1)
        }
    }
}

fn run(call: &Call) -> Result<(), Failure> {
    let config = read_config(call).map_err(|wrong| Failure::Call(wrong.join("\nshopbell: ")))?;
    let console = start_log(&config)?;
    let done = match &call.command {
        None | Some(Command::Serve) => serve(config, call),
        Some(Command::Demo) => show_demo(config, call),
        Some(Command::Backup { file }) => backup(&config, file),
        Some(Command::Restore { file }) => restore(&config, file),
        Some(Command::Check) => check(&config),
        Some(Command::Agent { command }) => change_agent(&config, command),
    };
    console.settle();
    done
}

/// With all mistakes together; what may be logged is known here only.
fn read_config(call: &Call) -> Result<Config, Vec<String>> {
    let parsed = Config::parse(|name| call.lookup(name));
    let log = call.lookup("log").filter(|it| !it.is_empty());
    let filter = log.as_deref().map(parse_filter).transpose();
    match (parsed, filter) {
        (Ok(config), Ok(_)) => Ok(config),
        (Ok(_), Err(wrong)) => Err(vec![wrong]),
        (Err(all), Ok(_)) => Err(all),
        (Err(mut all), Err(wrong)) => {
            all.push(wrong);
            Err(all)
        }
    }
}

fn parse_filter(text: &str) -> Result<EnvFilter, String> {
    let parsed = EnvFilter::builder().parse(text);
    parsed.map_err(|e| format!("--log {text}: {e}. Give error, warn, info or debug"))
}

/// These write an error whenever a stranger sends nonsense. What ended a
/// connection is told at `debug`, by `web`.
const STRANGERS: [&str; 2] = [
    "actix_http::h1::dispatcher=off",
    "actix_http::h1::decoder=off",
];

fn start_log(config: &Config) -> Result<Console, Failure> {
    let filter = parse_filter(&config.log).map_err(Failure::Call)?;
    let filter = match config.log.contains("actix_http") {
        true => filter,
        false => STRANGERS
            .iter()
            .filter_map(|it| it.parse().ok())
            .fold(filter, EnvFilter::add_directive),
    };
    let console =
        Console::start().map_err(|e| Failure::Work(format!("cannot start the log: {e}")))?;
    let writer = console.clone();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || writer.clone())
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
    std::panic::set_hook(Box::new(console::log_panic));
    Ok(console)
}

fn serve(config: Config, call: &Call) -> Result<(), Failure> {
    let folder = DataFolder::claim(&config.data).map_err(Failure::Work)?;
    actix_web::rt::System::new().block_on(async {
        let asked = AskedToStop::listen();
        let (config, listener) = bind(config, call)?;
        let url = config.public_url.clone();
        let running = server::start(listener, folder, config, Clock::default()).await?;
        say(&format!("listening on http://{}", running.address));
        match &running.setup_code {
            Some(code) => {
                say("Open this link to set up your shop. It works once:");
                say(&format!("  {url}/setup?code={code}"));
            }
            None => say(&format!("Your inbox: {url}/")),
        }
        wait(running, asked).await
    })
}

/// On this machine only: everybody knows its passwords.
fn show_demo(mut config: Config, call: &Call) -> Result<(), Failure> {
    if !config.listen.ip().is_loopback() {
        return Err(Failure::Call(format!(
            "--listen {}: demo listens on this machine only, because everybody knows its passwords; \
             give 127.0.0.1 and a port",
            config.listen
        )));
    }
    let home = std::env::temp_dir().join(format!("shopbell-demo-{}", std::process::id()));
    config.data.clone_from(&home);
    let folder = DataFolder::claim(&home).map_err(Failure::Work)?;
    let result = actix_web::rt::System::new().block_on(async {
        let asked = AskedToStop::listen();
        let (config, listener) = bind(config, call)?;
        let url = config.public_url.clone();
        let clock = Clock::default();
        say("Filling the shop …");
        let sign_ins = demo::fill(&folder, clock.now()).await?;
        let running = server::start(listener, folder, config, clock).await?;
        say(&format!("listening on http://{}", running.address));
        say(&format!("The shop:  {url}/demo-shop"));
        say(&format!("The inbox: {url}/"));
        for sign_in in sign_ins {
            say(&format!(
                "  {} / {} ({})",
                sign_in.email, sign_in.password, sign_in.role
            ));
        }
        say("Everything is gone when this program ends.");
        wait(running, asked).await
    });
    let _ = std::fs::remove_dir_all(home);
    result
}

/// Port 0 means any free one; without a public address of its own, the server is
/// then reached where it listens.
fn bind(mut config: Config, call: &Call) -> Result<(Config, TcpListener), Failure> {
    let listener = TcpListener::bind(config.listen).map_err(|e| {
        Failure::Work(format!(
            "cannot listen on {}: {e}. Is another program using that port? Name another with --listen",
            config.listen
        ))
    })?;
    let address = listener.local_addr();
    let address = address.map_err(|e| Failure::Work(format!("cannot listen: {e}")))?;
    if call.lookup("public-url").is_none() && address.ip().is_loopback() {
        let reached = format!("http://localhost:{}", address.port());
        let parsed = Config::parse(|name| match name {
            "public-url" => Some(reached.clone()),
            other => call.lookup(other),
        });
        if let Ok(parsed) = parsed {
            config.public_url = parsed.public_url;
        }
    }
    Ok((config, listener))
}

async fn wait(running: server::Running, asked: AskedToStop) -> Result<(), Failure> {
    let stopper = running.stopper();
    actix_web::rt::spawn(async move {
        asked.come().await;
        tracing::info!("stopping");
        stopper.stop().await;
    });
    let ended = running.server.await;
    running.plant.end().await;
    // Whatever the last requests wrote is on disk before the process ends.
    let _ = running.db.write("server.end", |_| Ok(())).await;
    running.folder.fold_log();
    ended.map_err(|e| Failure::Work(format!("the server failed: {e}")))
}

/// SIGTERM or SIGINT. Listened for before anybody is told that the server is
/// there: whoever stops it at once is heard, too.
#[cfg(unix)]
struct AskedToStop(Vec<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl AskedToStop {
    fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [SignalKind::terminate(), SignalKind::interrupt()];
        Self(kinds.into_iter().filter_map(|it| signal(it).ok()).collect())
    }

    async fn come(mut self) {
        std::future::poll_fn(|task| {
            let mut signals = self.0.iter_mut();
            match signals.any(|it| it.poll_recv(task).is_ready()) {
                true => std::task::Poll::Ready(()),
                false => std::task::Poll::Pending,
            }
        })
        .await;
    }
}

#[cfg(not(unix))]
struct AskedToStop;

#[cfg(not(unix))]
impl AskedToStop {
    fn listen() -> Self {
        Self
    }

    async fn come(self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

fn backup(config: &Config, file: &Path) -> Result<(), Failure> {
    let bytes = db::backup(&config.data, file).map_err(Failure::Work)?;
    let kib = bytes.div_ceil(1024);
    say(&format!(
        "Saved everything to {} ({kib} KiB).",
        file.display()
    ));
    Ok(())
}

fn restore(config: &Config, file: &Path) -> Result<(), Failure> {
    let replaced = db::restore(&config.data, file).map_err(Failure::Work)?;
    let (file, data) = (file.display(), config.data.display());
    say(&format!("Restored {file} to the data folder {data}."));
    if replaced {
        say("What was there before lies in its folder `before-upgrade`.");
    }
    Ok(())
}

fn check(config: &Config) -> Result<(), Failure> {
    let found = db::check(&config.data);
    for note in &found.notes {
        say(note);
    }
    match found.wrong.is_empty() {
        true => {
            say("Nothing is wrong with the data folder and the configuration.");
            Ok(())
        }
        false => Err(Failure::Work(found.wrong.join("\nshopbell: "))),
    }
}

/// Works beside a running server: SQLite keeps the two apart.
fn change_agent(config: &Config, command: &AgentCommand) -> Result<(), Failure> {
    // Before the folder is ours: whoever types must keep no server from starting.
    let password = read_password()?;
    let folder = DataFolder::visit(&config.data).map_err(Failure::Work)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::Work(format!("cannot start: {e}")))?;
    runtime.block_on(async {
        let db = Db::open(&folder)?;
        // The first one is the owner, who comes with his shop.
        if db.read(accounts::is_empty).await? {
            let first = "the shop is not set up yet. Open the set-up link that shopbell prints when it starts";
            return Err(Failure::Work(first.into()));
        }
        match command {
            AgentCommand::Add {
                email, name, role, ..
            } => add_agent(&db, email, name, role, &password).await,
            AgentCommand::Password { email, .. } => set_password(&db, email, &password).await,
        }
    })
}

async fn add_agent(
    db: &Db,
    email: &str,
    name: &str,
    role: &str,
    password: &str,
) -> Result<(), Failure> {
    let role =
        Role::parse(role).ok_or_else(|| Failure::Call("--role: owner, admin or agent".into()))?;
    let hash = passwords::hash(password, &[email, name])
        .await
        .map_err(wrong_call)?;
    let new = NewAgent {
        email: email.to_owned(),
        name: name.to_owned(),
        role,
        lang: Lang::default(),
        password: Some(hash),
    };
    let now = Clock::default().now();
    let add = db.write("accounts.add", move |w| accounts::add(w, now, new));
    add.await.map_err(wrong_call)?;
    say(&format!("{name} can sign in now."));
    Ok(())
}

async fn set_password(db: &Db, email: &str, password: &str) -> Result<(), Failure> {
    let address = EmailAddress::parse(email)
        .ok_or_else(|| Failure::Call(format!("--email {email}: this is no email address")))?;
    let found = db
        .read(move |r| accounts::find_by_email(r, &address))
        .await?;
    let agent = found.ok_or_else(|| {
        Failure::Work(format!(
            "nobody here has the address {email}. Create an agent with: shopbell agent add"
        ))
    })?;
    let hash = passwords::hash(password, &[email, &agent.name])
        .await
        .map_err(wrong_call)?;
    let set = db.write("accounts.password", move |w| {
        accounts::set_password(w, agent.id, &hash, None)
    });
    set.await?;
    say(
        "The password is set, and all sessions of this agent are ended; pages that are open close within half a minute.",
    );
    Ok(())
}

/// What a person typed wrong is a wrong call; the rest is a failure.
fn wrong_call(error: Error) -> Failure {
    match error {
        Error::Invalid(_) => Failure::Call(error.to_string()),
        other => other.into(),
    }
}

fn read_password() -> Result<String, Failure> {
    let mut text = String::new();
    let mut input = std::io::stdin().take(1024);
    input
        .read_to_string(&mut text)
        .map_err(|e| Failure::Call(format!("--password-stdin: {e}")))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// To whoever started the program, not to the log.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}

fn tell(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
