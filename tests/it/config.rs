//! The command line of the program itself: what each command takes, and how a
//! wrong call is answered.

use std::process::{Command, Output, Stdio};

/// Each with all that it needs.
const COMMANDS: [(&[&str], &[&str]); 8] = [
    (&[], &[]),
    (&["serve"], &[]),
    (&["demo"], &[]),
    (&["backup"], &["nowhere/monday"]),
    (&["restore"], &["nowhere/monday"]),
    (&["check"], &[]),
    (
        &["agent", "add"],
        &[
            "--email=a@b.example",
            "--name=A",
            "--role=agent",
            "--password-stdin",
        ],
    ),
    (
        &["agent", "password"],
        &["--email=a@b.example", "--password-stdin"],
    ),
];

/// A value that is right, and the environment's name for the flag.
const FLAGS: [(&str, &str, &str); 8] = [
    ("--data", "nowhere", "SHOPBELL_DATA"),
    ("--listen", "127.0.0.1:0", "SHOPBELL_LISTEN"),
    (
        "--public-url",
        "https://chat.example",
        "SHOPBELL_PUBLIC_URL",
    ),
    ("--trusted-proxies", "10.0.0.1", "SHOPBELL_TRUSTED_PROXIES"),
    ("--smtp-url", "smtp://127.0.0.1:1", "SHOPBELL_SMTP_URL"),
    ("--mail-from", "shop@mugs.example", "SHOPBELL_MAIL_FROM"),
    ("--log", "error", "SHOPBELL_LOG"),
    ("--visitor-rate", "60", "SHOPBELL_VISITOR_RATE"),
];

fn is_taken(command: &[&str], flag: &str) -> bool {
    match command.first() {
        None | Some(&("serve" | "check")) => true,
        Some(&"demo") => flag != "--data",
        _ => flag == "--data" || flag == "--log",
    }
}

fn call(args: &[&str]) -> Output {
    call_with(args, &[])
}

fn call_with(args: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_shopbell"))
        .args(args)
        .envs(environment.iter().copied())
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Exit 2, and one line that names the word.
fn refuses(args: &[&str], word: &str) {
    // Whatever would start all the same finds no place to listen on.
    let output = call_with(args, &[("SHOPBELL_LISTEN", "192.0.2.1:1")]);
    let told = told(&output);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {told}");
    assert_eq!(told.lines().count(), 1, "{args:?}: {told}");
    assert!(told.starts_with("shopbell: "), "{args:?}: {told}");
    assert!(told.contains(word), "{args:?}: {told}");
}

#[test]
fn each_command_helps_with_exactly_what_it_takes() {
    for (command, _) in COMMANDS {
        let output = call(&[command, &["--help"]].concat());
        assert!(output.status.success(), "{command:?}");
        let help = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(help.contains("Usage: shopbell"), "{help}");
        for (flag, _, environment) in FLAGS {
            let taken = is_taken(command, flag);
            assert_eq!(help.contains(flag), taken, "{command:?} {flag}: {help}");
            assert_eq!(help.contains(environment), taken, "{command:?}: {help}");
        }
    }
}

#[test]
fn a_flag_that_a_command_does_not_take_is_refused_in_one_line_wherever_it_stands() {
    for (command, needed) in COMMANDS {
        for (flag, value, _) in FLAGS {
            let behind = [command, &[flag, value]].concat();
            if is_taken(command, flag) {
                // Whoever asks for help is helped once the rest was understood.
                let output = call(&[&behind[..], &["--help"]].concat());
                assert!(output.status.success(), "{behind:?}: {}", told(&output));
                continue;
            }
            refuses(&[&behind, needed].concat(), flag);
            refuses(&[&[flag, value], command, needed].concat(), flag);
        }
    }
}

#[test]
fn what_the_environment_says_to_others_stops_no_command() {
    let wrong = [("SHOPBELL_LISTEN", "nowhere"), ("SHOPBELL_DATA", "nowhere")];
    let backup = call_with(&["backup", "nowhere/monday"], &wrong);
    assert_eq!(backup.status.code(), Some(1), "{}", told(&backup));
    assert!(told(&backup).contains("nowhere"), "{}", told(&backup));
    let serve = call_with(&[], &wrong);
    assert_eq!(serve.status.code(), Some(2), "{}", told(&serve));
}

#[test]
fn a_flag_counts_before_its_command_and_behind_it_and_before_the_environment() {
    for args in [
        &["--data", "given", "check"][..],
        &["check", "--data", "given"],
        &["--data", "neither", "check", "--data", "given"],
    ] {
        let output = call_with(args, &[("SHOPBELL_DATA", "surrounding")]);
        assert!(told(&output).contains("given"), "{}", told(&output));
        assert!(!told(&output).contains("surrounding"), "{}", told(&output));
        assert!(!told(&output).contains("neither"), "{}", told(&output));
    }
    let output = call_with(&["check"], &[("SHOPBELL_DATA", "surrounding")]);
    assert!(told(&output).contains("surrounding"), "{}", told(&output));
}

#[test]
fn a_wrong_call_says_what_is_wrong_in_one_line_and_exits_2() {
    for (args, word) in [
        (&["--listen", "nowhere"][..], "--listen"),
        (&["--public-url", "shop"], "--public-url"),
        (&["--listen"], "--listen"),
        (&["frobnicate"], "frobnicate"),
        (&["agent"], "add or password"),
        (&["agent", "add", "--email", "x"], "--name"),
        (
            &[
                "agent",
                "add",
                "--email=x",
                "--name=x",
                "--role=boss",
                "--password-stdin",
            ],
            "boss",
        ),
        (&["backup"], "<FILE>"),
        (&["--log", "=="], "--log"),
    ] {
        refuses(args, word);
    }
}

#[test]
fn a_wrong_log_filter_is_told_with_all_other_mistakes() {
    let output = call(&["--log", "shopbell=loud", "--listen", "nowhere"]);
    assert_eq!(output.status.code(), Some(2));
    let told = told(&output);
    assert!(
        told.contains("--log") && told.contains("--listen"),
        "{told}"
    );
}

#[test]
fn the_demonstration_with_its_known_passwords_stays_on_this_machine() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let output = call(&["demo", "--listen", address]);
        assert_eq!(output.status.code(), Some(2), "{}", told(&output));
        assert!(told(&output).contains("this machine only"));
    }
}
