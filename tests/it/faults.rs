//! A disk that is full, a folder that turned read-only, a second process: the
//! real program on a small file system of its own (a private mount namespace).

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::support::{AgentBrowser, OWNER, PASSWORD, Scratch, VisitorPage, client, furnish};

/// The program on a file system of four megabytes.
struct SmallDisk {
    child: Child,
    url: String,
    /// The folder as the program sees it.
    inside: PathBuf,
    site: String,
    home: TempDir,
}

impl SmallDisk {
    async fn start() -> Self {
        let home = TempDir::new().unwrap();
        let (source, mount) = (home.path().join("source"), home.path().join("mount"));
        fs::create_dir(&mount).unwrap();
        let site = {
            let scratch = Scratch::at(&source);
            let site = furnish(&scratch.db).await;
            scratch.copy_to(&source.join("copy.db"));
            site
        };
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let (source, mount) = (source.to_str().unwrap(), mount.to_str().unwrap().to_owned());
        let script = format!(
            "mount -t tmpfs -o size=4m tmpfs {mount} && cp {source}/copy.db {mount}/shopbell.db && \
             exec {} --data {mount} --listen {address} --public-url http://{address} \
             --trusted-proxies 127.0.0.1 --log info --visitor-rate 100000",
            env!("CARGO_BIN_EXE_shopbell")
        );
        let child = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
            .stdout(Stdio::null())
            .stderr(fs::File::create(home.path().join("log")).unwrap())
            .spawn()
            .expect("this test needs unshare (util-linux)");
        let inside = PathBuf::from(format!("/proc/{}/root{mount}", child.id()));
        let disk = Self {
            child,
            url: format!("http://{address}"),
            inside,
            site,
            home,
        };
        disk.until_ready(200).await;
        disk
    }

    async fn ready(&self) -> Option<u16> {
        let answer = client().get(format!("{}/readyz", self.url)).send().await;
        answer.ok().map(|it| it.status().as_u16())
    }

    /// Polls, because what is awaited happens in another process.
    async fn until_ready(&self, status: u16) {
        for _ in 0..400 {
            if self.ready().await == Some(status) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("readyz never said {status}");
    }

    /// Lines of the log with these words.
    fn logged(&self, words: &str) -> usize {
        let log = fs::read_to_string(self.home.path().join("log")).unwrap();
        log.lines().filter(|it| it.contains(words)).count()
    }

    fn fill(&self) {
        let mut filler = fs::File::create(self.inside.join("filler")).unwrap();
        for size in [4096, 1] {
            while filler.write_all(&vec![b'x'; size]).is_ok() {}
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.inside.join("filler")).unwrap();
    }

    /// Every write to a file fails as on a read-only file system, for as long as
    /// what this returns lives. (A file system with open files cannot be remounted
    /// by hand; the kernel does that to a failing disk.)
    async fn turn_read_only(&self) -> Tracer {
        let tracer = Command::new("strace")
            .args([
                "-f",
                "-p",
                &self.child.id().to_string(),
                "-e",
                "trace=pwrite64",
            ])
            .args(["-e", "inject=pwrite64:error=EROFS", "-o", "/dev/null"])
            .stderr(Stdio::null())
            .spawn()
            .expect("this test needs strace");
        let tracer = Tracer(tracer);
        self.until_ready(503).await;
        tracer
    }

    /// Writes until the disk refuses; the line that was refused.
    async fn write_until_refused(&self, visitor: &VisitorPage) -> String {
        for n in 0..2000 {
            let cid = format!("filling-{n:05}");
            let answer = visitor.send(&cid, &"words ".repeat(500)).await;
            match answer.status().as_u16() {
                201 => (),
                503 => {
                    assert!(answer.headers().contains_key("retry-after"));
                    let problem: serde_json::Value = answer.json().await.unwrap();
                    assert!(
                        problem["detail"]
                            .as_str()
                            .unwrap()
                            .contains("Nothing is lost")
                    );
                    return cid;
                }
                other => panic!("a full disk answers {other}"),
            }
        }
        panic!("the disk never filled");
    }
}

struct Tracer(Child);

impl Drop for Tracer {
    fn drop(&mut self) {
        // Ended kindly, it lets go of the program first.
        let pid = self.0.id().to_string();
        let _ = Command::new("kill").args(["-INT", &pid]).status();
        let _ = self.0.wait();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn refuses_writes_and_serves_reads(
    disk: &SmallDisk,
    visitor: &VisitorPage,
    agent: &AgentBrowser,
) {
    let history = visitor.history().await;
    assert!(!history["messages"].as_array().unwrap().is_empty());
    let inbox = agent.sees("/inbox").await;
    let banner = crate::support::between(&inbox, "id=\"banner-storage\"", ">").unwrap();
    assert!(!banner.contains("hidden"), "the page says so");
    assert_eq!(disk.ready().await, Some(503));
}

async fn people(disk: &SmallDisk) -> (VisitorPage, AgentBrowser) {
    let visitor = VisitorPage::arrive(&disk.url, &disk.site).await;
    assert_eq!(visitor.send("before-0001", "before").await.status(), 201);
    (
        visitor,
        AgentBrowser::sign_in(&disk.url, OWNER, PASSWORD).await,
    )
}

#[actix_web::test]
async fn a_full_disk_refuses_writes_serves_reads_and_recovers_by_itself() {
    let disk = SmallDisk::start().await;
    let (visitor, agent) = people(&disk).await;
    disk.fill();
    let refused = disk.write_until_refused(&visitor).await;
    refuses_writes_and_serves_reads(&disk, &visitor, &agent).await;
    let long = "words ".repeat(500);
    for n in 0..20 {
        let answer = visitor.send(&format!("refused-{n:04}"), &long).await;
        assert_eq!(answer.status(), 503);
    }
    disk.make_room();
    disk.until_ready(200).await;
    assert_eq!(visitor.send(&refused, "it fits now").await.status(), 201);
    // One line when it begins, one for all requests, one when it is over.
    assert_eq!(disk.logged("could not save"), 1);
    assert!(disk.logged("ERROR") <= 2, "{}", disk.logged("ERROR"));
    assert_eq!(disk.logged("saving works again"), 1);
}

#[actix_web::test]
async fn on_a_full_disk_a_refused_order_does_not_take_the_banner_away() {
    let disk = SmallDisk::start().await;
    let (visitor, agent) = people(&disk).await;
    let sent = visitor.send("before-0002", "before").await;
    let sent: serde_json::Value = sent.json().await.unwrap();
    let key = sent["conversation"].as_str().unwrap().to_owned();
    agent.joins(&key).await;
    disk.fill();
    disk.write_until_refused(&visitor).await;
    for n in 0..20 {
        // Refused by the room, inside a transaction that then has nothing to save;
        // or small enough for the last free bytes.
        let path = format!("/inbox/{key}/messages");
        let empty = agent.post(&path, &[("body", ""), ("cid", "refused-0001")]);
        assert_eq!(empty.await.status(), 422);
        visitor.send(&format!("small-{n:04}"), "x").await;
        let inbox = agent.sees("/inbox").await;
        let banner = crate::support::between(&inbox, "id=\"banner-storage\"", ">").unwrap();
        assert!(!banner.contains("hidden"), "after {n}");
    }
}

#[actix_web::test]
async fn a_folder_turned_read_only_refuses_writes_serves_reads_and_recovers() {
    let disk = SmallDisk::start().await;
    let (visitor, agent) = people(&disk).await;
    let tracer = disk.turn_read_only().await;
    let refused = visitor.send("refused-0001", "nowhere to go").await;
    assert_eq!(refused.status(), 503);
    refuses_writes_and_serves_reads(&disk, &visitor, &agent).await;
    drop(tracer);
    disk.until_ready(200).await;
    assert_eq!(
        visitor.send("refused-0001", "it fits now").await.status(),
        201
    );
}

/// The program with its log in our hands.
struct Talkative {
    child: Child,
    url: String,
    _home: TempDir,
}

impl Talkative {
    async fn start() -> Self {
        let home = TempDir::new().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        let child = Command::new(env!("CARGO_BIN_EXE_shopbell"))
            .args(["--data", home.path().to_str().unwrap(), "--log", "trace"])
            .args(["--listen", &address])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let program = Self {
            child,
            url: format!("http://{address}"),
            _home: home,
        };
        program.until_healthy(1).await;
        program
    }

    /// Asks until it has answered so many times; each leaves lines in the log.
    async fn until_healthy(&self, times: usize) {
        let client = client();
        let mut answered = 0;
        for _ in 0..400 + times {
            let ask = client.get(format!("{}/healthz", self.url)).send();
            match tokio::time::timeout(Duration::from_secs(10), ask).await {
                Ok(Ok(_)) => answered += 1,
                _ => tokio::time::sleep(Duration::from_millis(25)).await,
            }
            if answered == times {
                return;
            }
        }
        panic!("it does not answer");
    }

    async fn stops_when_asked(mut self) {
        let pid = self.child.id().to_string();
        Command::new("kill").arg(pid).status().unwrap();
        for _ in 0..800 {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert_eq!(status.code(), Some(0));
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("SIGTERM is not heard");
    }
}

impl Drop for Talkative {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[actix_web::test]
async fn whoever_reads_the_log_may_go_away() {
    let mut program = Talkative::start().await;
    drop(program.child.stderr.take());
    program.until_healthy(20).await;
    program.stops_when_asked().await;
}

#[actix_web::test]
async fn whoever_reads_the_log_may_stop_reading() {
    let program = Talkative::start().await;
    // Many times what a pipe holds, and nobody takes a byte out of it.
    program.until_healthy(500).await;
    program.stops_when_asked().await;
}

fn shopbell(args: &[&str]) -> (i32, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_shopbell"))
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    (done.status.code().unwrap(), told)
}

#[actix_web::test]
async fn a_second_process_on_the_folder_says_in_use_and_exits() {
    let scratch = Scratch::new();
    let folder = scratch.path().to_str().unwrap();
    let (code, told) = shopbell(&["--data", folder, "--listen", "127.0.0.1:0"]);
    assert_eq!(code, 1);
    assert!(told.contains("in use") && told.contains("--data"), "{told}");
}

#[test]
fn a_damaged_database_is_refused_with_a_remedy() {
    let home = TempDir::new().unwrap();
    fs::write(
        home.path().join("shopbell.db"),
        "not a database ".repeat(1000),
    )
    .unwrap();
    let folder = home.path().to_str().unwrap();
    let (code, told) = shopbell(&["--data", folder, "--listen", "127.0.0.1:0"]);
    assert_eq!(code, 1);
    assert!(
        told.contains("damaged") && told.contains("restore"),
        "{told}"
    );
}

#[actix_web::test]
async fn an_agent_made_on_the_command_line_beside_a_running_server_can_sign_in() {
    let house = crate::support::open_house().await;
    let folder = house.folder();
    let add = |password: &str, args: &[&str]| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_shopbell"))
            .args(["--data", folder.to_str().unwrap()])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        writeln!(child.stdin.take().unwrap(), "{password}").unwrap();
        child.wait_with_output().unwrap()
    };
    let bob = [
        "agent",
        "add",
        "--email",
        "Bob@mugs.example",
        "--name",
        "Bob",
        "--role",
        "agent",
        "--password-stdin",
    ];
    let short = add("short", &bob);
    assert_eq!(short.status.code(), Some(2), "{short:?}");
    assert!(add(PASSWORD, &bob).status.success());
    let twice = add(PASSWORD, &bob);
    assert_eq!(twice.status.code(), Some(2), "{twice:?}");
    let agent = house.agent("bob@mugs.example").await;

    let change = [
        "agent",
        "password",
        "--email",
        "bob@mugs.example",
        "--password-stdin",
    ];
    assert!(add("quite another sentence", &change).status.success());
    let signed_out = agent
        .request(reqwest::Method::GET, "/inbox")
        .send()
        .await
        .unwrap();
    assert_eq!(signed_out.status(), 401);
    AgentBrowser::sign_in(&house.url, "bob@mugs.example", "quite another sentence").await;
    house.close().await;
}

#[actix_web::test]
async fn an_agent_is_not_made_where_there_is_no_shop() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("elsewhere");
    let refused = Command::new(env!("CARGO_BIN_EXE_shopbell"))
        .args(["--data", folder.to_str().unwrap(), "agent", "add"])
        .args(["--email", "zed@mugs.example", "--name", "Zed"])
        .args(["--role", "agent", "--password-stdin"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(told.contains("there is no shop in the folder"), "{told}");
    assert!(!folder.exists());
}
