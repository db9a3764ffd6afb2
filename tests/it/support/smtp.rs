//! A mail server that misbehaves on demand (RFC 5321, as much of it as a client
//! of ours says). The real ones stand in the browser journeys.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Good,
    /// Takes its time with every answer.
    Slow,
    /// 451 to every recipient.
    NotNow,
    /// 550 to every recipient.
    Never,
    /// Hangs up in the middle of the mail.
    Rude,
}

#[derive(Clone)]
pub struct PostOffice {
    pub url: String,
    mood: Arc<Mutex<Mood>>,
    mails: Arc<Mutex<Vec<String>>>,
}

impl PostOffice {
    pub async fn open(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let office = Self {
            url: format!("smtp://{}", listener.local_addr().unwrap()),
            mood: Arc::new(Mutex::new(mood)),
            mails: Arc::default(),
        };
        let serving = office.clone();
        actix_web::rt::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let office = serving.clone();
                actix_web::rt::spawn(async move {
                    let _ = office.serve(stream).await;
                });
            }
        });
        office
    }

    pub fn becomes(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// Everything taken so far, as it came over the wire.
    pub fn mails(&self) -> Vec<String> {
        self.mails.lock().unwrap().clone()
    }

    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        self.answer(&mut stream, "220 post office").await?;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let verb = line
                .split([' ', ':', '\r'])
                .next()
                .unwrap_or_default()
                .to_uppercase();
            let mood = *self.mood.lock().unwrap();
            match (verb.as_str(), mood) {
                ("EHLO" | "HELO", _) => self.answer(&mut stream, "250 post office").await?,
                ("RCPT", Mood::NotNow) => self.answer(&mut stream, "451 come back later").await?,
                ("RCPT", Mood::Never) => {
                    self.answer(&mut stream, "550 nobody of that name").await?
                }
                ("MAIL" | "RCPT" | "RSET" | "NOOP", _) => {
                    self.answer(&mut stream, "250 ok").await?
                }
                ("DATA", Mood::Rude) => return Ok(()),
                ("DATA", _) => {
                    self.answer(&mut stream, "354 go on").await?;
                    let mail = self.read_mail(&mut stream).await?;
                    self.mails.lock().unwrap().push(mail);
                    self.answer(&mut stream, "250 taken").await?;
                }
                ("QUIT", _) => return self.answer(&mut stream, "221 bye").await,
                _ => self.answer(&mut stream, "502 not here").await?,
            }
        }
    }

    async fn read_mail(&self, stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
        let mut mail = String::new();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 || line == ".\r\n" {
                return Ok(mail);
            }
            mail.push_str(&line);
        }
    }

    async fn answer(&self, stream: &mut BufReader<TcpStream>, text: &str) -> std::io::Result<()> {
        let slow = *self.mood.lock().unwrap() == Mood::Slow;
        if slow {
            // The fault itself, not a wait for something.
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        stream
            .get_mut()
            .write_all(format!("{text}\r\n").as_bytes())
            .await
    }
}
