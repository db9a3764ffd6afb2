//! How mail leaves: every form of address that is documented, against a real
//! server, and servers that do not behave.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use shopbell::db::{DataFolder, Db};
use shopbell::kernel::{EmailAddress, MailServer};
use shopbell::mail::{self, Cause, Mail, Refused};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

use crate::support::{AgentBrowser, OWNER, PASSWORD, Program, furnish, soon};

/// aiosmtpd, with a certificate of an authority that nobody knows.
struct PostOffice {
    plain: u16,
    /// STARTTLS, and a name and a password.
    submission: u16,
    /// Encrypted from the first byte, and a name and a password.
    submissions: u16,
    home: TempDir,
    child: Child,
}

const WORDS: &str = "ada:a%20long%2fsecret";

impl PostOffice {
    fn open() -> Self {
        let home = TempDir::new().unwrap();
        certify(home.path());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/mail/server.py");
        let mut child = Command::new("/usr/bin/python3")
            .arg(script)
            .args([
                home.path().join("office.pem"),
                home.path().join("office.key"),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this test needs python3 and python3-aiosmtpd");
        let mut told = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut port = || told.next().unwrap().unwrap().parse().unwrap();
        let (plain, submission, submissions) = (port(), port(), port());
        // Whoever talks to a closed pipe dies of it.
        std::thread::spawn(move || told.for_each(drop));
        Self {
            plain,
            submission,
            submissions,
            home,
            child,
        }
    }

    fn authority(&self) -> PathBuf {
        self.home.path().join("authority.pem")
    }
}

impl Drop for PostOffice {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An authority, and a certificate by it for this machine.
fn certify(folder: &Path) {
    let script = "set -e; cd \"$0\"
        new='openssl req -newkey rsa:2048 -nodes -days 2'
        $new -x509 -keyout authority.key -out authority.pem -subj '/CN=nobody knows' \
            -addext basicConstraints=critical,CA:TRUE -addext keyUsage=keyCertSign
        $new -keyout office.key -out office.csr -subj '/CN=office'
        printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\\nextendedKeyUsage=serverAuth\\n' >extra
        openssl x509 -req -in office.csr -CA authority.pem -CAkey authority.key -days 2 \
            -extfile extra -out office.pem";
    let done = Command::new("sh").args(["-c", script]).arg(folder).output();
    let done = done.unwrap();
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "this test needs openssl: {told}");
}

/// What the mail page says of a test mail, and after how long.
async fn test_mail(smtp_url: &str, trusted: Option<&Path>) -> (String, Duration) {
    let home = TempDir::new().unwrap();
    let folder = DataFolder::claim(home.path()).unwrap();
    furnish(&Db::open(&folder).unwrap()).await;
    drop(folder);
    let trusted: Vec<_> = trusted
        .map(|it| ("SSL_CERT_FILE", it))
        .into_iter()
        .collect();
    let args = ["--smtp-url", smtp_url, "--mail-from", "shop@mugs.example"];
    let program = Program::start(home.path(), &args, &trusted);
    let owner = AgentBrowser::sign_in(&program.url, OWNER, PASSWORD).await;
    let asked = Instant::now();
    let answer = owner
        .post("/settings/mail/test", &[("to", "ann@home.example")])
        .await;
    assert_eq!(answer.status(), 200);
    let page = answer.text().await.unwrap();
    let (_, answer) = page.split_once("id=\"answer\"").unwrap();
    let said = answer.split("</section>").next().unwrap().to_owned();
    (said, asked.elapsed())
}

#[actix_web::test]
async fn every_documented_form_of_a_mail_servers_address_sends_mail() {
    let office = PostOffice::open();
    let authority = office.authority();
    let known = Some(authority.as_path());
    let (plain, submission, submissions) = (office.plain, office.submission, office.submissions);
    for (url, taken) in [
        (format!("smtp://127.0.0.1:{plain}"), "taken, plain"),
        (
            format!("smtp://{WORDS}@127.0.0.1:{submission}?tls=starttls"),
            "taken, encrypted",
        ),
        (
            format!("smtp://{WORDS}@localhost:{submission}?tls=required"),
            "taken, encrypted",
        ),
        (
            format!("smtps://{WORDS}@127.0.0.1:{submissions}"),
            "taken, encrypted",
        ),
    ] {
        let (said, _) = test_mail(&url, known).await;
        assert!(said.contains(taken), "{url}: {said}");
    }
    // Whom nobody vouches for gets no mail, and no password.
    let url = format!("smtp://{WORDS}@127.0.0.1:{submission}?tls=starttls");
    let (said, _) = test_mail(&url, None).await;
    assert!(
        said.contains("could not prove that it is the right one"),
        "{said}"
    );

    // Whom the server does not know reads that, and not what a library calls it.
    for (url, words, raw) in [
        (
            format!("smtp://ada:wrong@127.0.0.1:{submission}?tls=starttls"),
            "does not accept this user name or password",
            "535",
        ),
        (
            format!("smtps://127.0.0.1:{submissions}"),
            "only for those who sign in",
            "530",
        ),
        (
            format!("smtp://127.0.0.1:{submission}"),
            "Choose “STARTTLS”",
            "530",
        ),
        (
            format!("smtp://ada:wrong@127.0.0.1:{submission}"),
            "takes no user name and password on this connection",
            "authentication",
        ),
    ] {
        let (said, _) = test_mail(&url, known).await;
        assert!(said.contains(words), "{url}: {said}");
        let (_, folded) = said.split_once("<details").expect("a fold");
        assert!(folded.contains(raw), "{url}: {said}");
    }

    // The other security of the two says so at once.
    for (url, why) in [
        (
            format!("smtp://127.0.0.1:{submissions}?tls=starttls"),
            "encrypts from the first byte",
        ),
        (
            format!("smtp://127.0.0.1:{submissions}"),
            "encrypts from the first byte",
        ),
        (
            format!("smtps://127.0.0.1:{submission}"),
            "does not encrypt from the first byte",
        ),
    ] {
        let (said, took) = test_mail(&url, known).await;
        assert!(said.contains(why), "{url}: {said}");
        assert!(took < Duration::from_secs(15), "{took:?}");
    }
}

fn letter() -> Mail {
    let address = |it: &str| EmailAddress::parse(it).unwrap();
    Mail {
        from_name: "Mugs".to_owned(),
        from: address("shop@mugs.example"),
        to: address("ann@home.example"),
        subject: "Hello".to_owned(),
        text: "Hello".to_owned(),
        html: "<p>Hello</p>".to_owned(),
        id: "test-1".to_owned(),
    }
}

/// What one try comes to.
async fn refused(url: &str) -> Refused {
    let server = MailServer::parse(url).unwrap();
    soon(mail::send(&server, &letter())).await.unwrap_err()
}

/// Something at a port that says this to whoever comes, and is gone.
async fn says(words: &'static [u8]) -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    actix_web::rt::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(words).await;
            let _ = stream.shutdown().await;
            // Read to its end: what is left unread would reset the connection.
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        }
    });
    address
}

#[actix_web::test]
async fn each_way_in_which_a_mail_server_is_not_there_has_its_own_words() {
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let web = says(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let binary = says(b"\xff\xfe\x00\x01\r\n").await;
    let gone = says(b"").await;
    let half = says(b"220-welcome\r\n").await;
    for (url, cause) in [
        ("smtp://nowhere.invalid:25".to_owned(), Cause::NoName),
        (format!("smtp://{closed}"), Cause::Closed),
        (format!("smtps://{closed}"), Cause::Closed),
        (format!("smtp://{web}"), Cause::Strange),
        (format!("smtp://{binary}"), Cause::Strange),
        (format!("smtp://{gone}"), Cause::CutOff),
        (format!("smtp://{half}"), Cause::CutOff),
        (format!("smtps://{gone}"), Cause::NoTls),
    ] {
        let refused = refused(&url).await;
        assert_eq!(refused.cause, cause, "{url}: {refused:?}");
        assert!(!refused.for_good, "{url}: {refused:?}");
        assert!(!refused.raw.is_empty(), "{url}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_mail_server_that_says_nothing_did_not_answer_in_time() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = MailServer::parse(&format!("smtp://{address}")).unwrap();
    let refused = mail::send(&server, &letter()).await.unwrap_err();
    assert_eq!(refused.cause, Cause::Silent, "{refused:?}");
}

#[actix_web::test]
async fn a_mail_server_that_talks_without_end_is_cut_off() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let talker = actix_web::rt::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut said = 0;
        let words = [b'2'; 64 * 1024];
        while said < 256 * 1024 * 1024 {
            match stream.write(&words).await {
                Ok(more) => said += more,
                Err(_) => break,
            }
        }
        said
    });
    let refused = refused(&format!("smtp://{address}")).await;
    assert!(refused.raw.contains("without end"), "{refused:?}");
    assert_eq!(refused.cause, Cause::Strange, "{refused:?}");
    // What the kernel keeps for both ends included.
    let said = soon(talker).await.unwrap();
    assert!(said < 16 * 1024 * 1024, "{said} bytes were taken");
}
