//! A file that comes with a form: written to the data folder as it arrives, never
//! held in memory. Bounded by what its route takes, and by time.
//!
//! What always holds: nobody's file is written before his form has shown the token
//! of his session, and a file that no room has kept is gone with the request. What
//! a crash leaves behind is swept away at the next start.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::web::{Bytes, block};
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use super::line::Line;
use super::multipart::Parts;
use super::routes::{KIB, most};
use super::{Ctx, header, parse_query};
use crate::error::{Error, Result};
use crate::kernel::{clip, random_key};

/// Below the data folder: files of requests that are not over.
const ARRIVING: &str = "arriving";
/// For the whole of it: a large file over a slow line.
const PATIENCE: Duration = Duration::from_secs(600);
/// All other fields of such a form together.
const FIELDS: usize = 64 * KIB;
const NAME: usize = 120;

/// A form of a signed-in page with one file, made for that very session. The token
/// stands in a header, or in a field before the file.
pub struct FileForm<T>(pub T, pub Upload);

/// One file, on disk. It is removed with this, unless somebody keeps it.
#[derive(Debug)]
pub struct Upload {
    /// The field it came in.
    pub field: String,
    /// For people to read; never a path.
    pub name: String,
    pub size: u64,
    path: PathBuf,
    kept: bool,
}

impl Upload {
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Moves it to where it stays, in the data folder too.
    pub fn keep(mut self, to: &Path) -> io::Result<()> {
        fs::rename(&self.path, to)?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// What requests of an earlier life left behind.
pub fn sweep(data: &Path) -> io::Result<()> {
    match fs::remove_dir_all(data.join(ARRIVING)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for FileForm<T> {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let cx = Ctx::of(&request)?;
            cx.place.refuse_foreign_page(&request)?;
            let parts = Parts::of(&request, payload, most(&request))?;
            let arrived = tokio::time::timeout(PATIENCE, receive(&cx, parts)).await;
            let (fields, upload) = arrived.map_err(|_| Error::TooSlow)??;
            if let Some(line) = Line::of(&request) {
                line.has_read_body();
            }
            Ok(Self(parse_query(&fields)?, upload))
        })
    }
}

async fn receive(cx: &Ctx, mut parts: Parts) -> Result<(String, Upload)> {
    let mut claimed = header(&cx.request, "x-csrf-token").to_owned();
    let mut fields = form_urlencoded::Serializer::new(String::new());
    let (mut left, mut upload) = (FIELDS, None);
    while let Some(head) = parts.next().await? {
        let Some(name) = head.filename else {
            let text = text(&mut parts, &mut left).await?;
            match head.name.as_str() {
                "csrf" => claimed = text,
                name => {
                    fields.append_pair(name, &text);
                }
            }
            continue;
        };
        cx.place.refuse_forgery(&cx.request, &claimed)?;
        if upload.is_some() {
            return Err(Error::Malformed("one file at a time".into()));
        }
        upload = Some(store(cx.db.folder(), &mut parts, head.name, &name).await?);
    }
    parts.end().await?;
    let upload = upload.ok_or_else(|| Error::Malformed("no file".into()))?;
    Ok((fields.finish(), upload))
}

async fn text(parts: &mut Parts, left: &mut usize) -> Result<String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = parts.chunk().await? {
        *left = left.checked_sub(chunk.len()).ok_or(Error::TooLarge)?;
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).map_err(|_| Error::Malformed("the form is not UTF-8".into()))
}

async fn store(data: &Path, parts: &mut Parts, field: String, name: &str) -> Result<Upload> {
    let folder = data.join(ARRIVING);
    let path = folder.join(random_key());
    let create = {
        let path = path.clone();
        move || create(&folder, &path)
    };
    let mut file = on_disk(create).await?;
    // From here on it is removed whatever happens.
    let mut upload = Upload {
        field,
        name: clean_name(name),
        size: 0,
        path,
        kept: false,
    };
    while let Some(chunk) = parts.chunk().await? {
        upload.size += chunk.len() as u64;
        file = on_disk(move || write(file, &chunk)).await?;
    }
    // Whoever keeps it may promise that it is there.
    on_disk(move || file.sync_all().map(|()| file)).await?;
    Ok(upload)
}

fn create(folder: &Path, path: &Path) -> io::Result<File> {
    fs::create_dir_all(folder)?;
    let mut options = File::options();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn write(mut file: File, chunk: &Bytes) -> io::Result<File> {
    file.write_all(chunk)?;
    Ok(file)
}

/// Nobody waits for a disk on a thread that answers others.
async fn on_disk(work: impl FnOnce() -> io::Result<File> + Send + 'static) -> Result<File> {
    let done = block(work).await;
    let done = done.map_err(|e| Error::internal("storing a file", e))?;
    done.map_err(|e| Error::Unavailable(e.into()))
}

/// The last part of what a browser says, without what could be taken for a path,
/// a hidden file or an instruction.
fn clean_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = clip(last, last.len())
        .chars()
        .filter(|c| !"<>:\"|?*".contains(*c))
        .collect();
    let plain = plain.trim_start_matches('.').trim();
    // The end says what kind of file it is.
    let (stem, end) = match plain.rsplit_once('.') {
        Some((stem, end)) if end.chars().count() < 16 => (stem, format!(".{end}")),
        _ => (plain, String::new()),
    };
    let room = NAME - end.chars().count();
    let stem: String = stem.chars().take(room).collect();
    match format!("{}{end}", stem.trim()).as_str() {
        "" => "file".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_what_a_person_would_call_it() {
        for (given, cleaned) in [
            ("mug.png", "mug.png"),
            ("C:\\Users\\Ada\\mug.png", "mug.png"),
            ("../../etc/passwd", "passwd"),
            (".htaccess", "htaccess"),
            ("..", "file"),
            ("", "file"),
            ("a\0b\u{202e}gnp.exe", "abgnp.exe"),
            ("кружка: «синяя».jpg", "кружка «синяя».jpg"),
        ] {
            assert_eq!(clean_name(given), cleaned, "{given:?}");
        }
        let long = clean_name(&format!("{}.jpeg", "x".repeat(5000)));
        assert_eq!((long.len(), long.ends_with(".jpeg")), (NAME, true));
    }
}
