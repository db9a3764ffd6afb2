//! Static files, embedded in the binary, compressed when it was built, under
//! names that carry a hash of their content: a name never means anything else,
//! so browsers may keep it for ever. The embed script alone has a stable name.

mod loader;
#[cfg(test)]
mod shorten;
#[cfg(test)]
mod source;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use rust_embed::RustEmbed;

pub use loader::loader;

#[derive(RustEmbed)]
#[folder = "$OUT_DIR/assets"]
struct Files;

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// A file in each form in which it can be sent.
#[derive(Clone, Copy)]
pub struct Asset {
    pub bytes: &'static [u8],
    pub br: Option<&'static [u8]>,
    pub gz: Option<&'static [u8]>,
    pub content_type: &'static str,
    pub etag: &'static str,
}

static BY_NAME: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| TABLE.iter().copied().collect());

/// Each file by its address.
static BY_ADDRESS: LazyLock<HashMap<&str, Asset>> = LazyLock::new(|| {
    let load = |(_, address): &(&'static str, &'static str)| Some((*address, load(address)?));
    TABLE.iter().filter_map(load).collect()
});

/// The address of a file: `admin/base.css` → `/assets/admin/base.<hash>.css`.
/// Empty where there is none; a test walks all templates for such names.
pub fn url(name: &str) -> &'static str {
    BY_NAME.get(name).copied().unwrap_or_default()
}

pub fn find(address: &str) -> Option<Asset> {
    BY_ADDRESS.get(address).copied()
}

/// `/w.d.ts`
pub fn types() -> Option<Asset> {
    find("/widget/w.d.ts")
}

/// What an address of an earlier release stands for now: the same name under
/// another hash. Pages that were open over a release ask so.
pub fn find_successor(address: &str) -> Option<Asset> {
    let name = address.strip_prefix("/assets/")?;
    let (rest, kind) = name.rsplit_once('.')?;
    let (stem, hash) = rest.rsplit_once('.')?;
    let hashed = hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit());
    let current = BY_NAME.get(format!("{stem}.{kind}").as_str());
    current.filter(|_| hashed).and_then(|it| find(it))
}

/// How hard to press: a page is wanted now, by somebody who waits.
pub const QUICK: i32 = 3;
/// Worth a little more, because everything before the first message is counted.
pub const TIGHT: i32 = 6;
/// As small as it gets: for what is made once and sent often.
pub const TIGHTEST: i32 = 11;

/// Brotli (RFC 7932) for an answer that is made on the spot.
pub fn compress(text: &[u8], quality: i32) -> Option<Vec<u8>> {
    let parameters = brotli::enc::BrotliEncoderParams {
        quality,
        // As far back as a page is long; more only costs memory.
        lgwin: 17,
        size_hint: text.len(),
        ..Default::default()
    };
    let mut compressed = Vec::with_capacity(text.len() / 2);
    brotli::BrotliCompress(&mut &*text, &mut compressed, &parameters).ok()?;
    Some(compressed)
}

fn load(address: &'static str) -> Option<Asset> {
    let path = address.trim_start_matches('/');
    let bytes = read(path)?;
    let smaller = |it: &&[u8]| it.len() < bytes.len();
    let hash = Files::get(path)?.metadata.sha256_hash();
    let etag: String = hash
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Some(Asset {
        bytes,
        br: read(&format!("{path}.br")).filter(smaller),
        gz: read(&format!("{path}.gz")).filter(smaller),
        content_type: content_type(path),
        etag: Box::leak(format!("\"{etag}\"").into_boxed_str()),
    })
}

/// Embedded, so it lives as long as the program.
fn read(path: &str) -> Option<&'static [u8]> {
    match Files::get(path)?.data {
        Cow::Borrowed(bytes) => Some(bytes),
        Cow::Owned(bytes) => Some(Box::leak(bytes.into_boxed_slice())),
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ts" => "text/plain; charset=utf-8",
        "webmanifest" => "application/manifest+json",
        "json" => "application/json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_served_under_a_name_that_is_its_content() {
        for (name, address) in TABLE {
            let asset = find(address).unwrap_or_else(|| panic!("{name} is not served"));
            assert!(!asset.bytes.is_empty(), "{name} is empty");
            assert_ne!(asset.content_type, "application/octet-stream", "{name}");
        }
        assert!(url("admin/base.css").starts_with("/assets/admin/base."));
        assert_eq!(url("admin/nothing.css"), "");
    }

    #[test]
    fn an_address_of_an_earlier_release_leads_to_the_file_of_today() {
        let now = find(url("widget/panel.js")).unwrap();
        let old = find_successor("/assets/widget/panel.0123456789abcdef.js").unwrap();
        assert_eq!(old.etag, now.etag);
        for unknown in [
            "/assets/widget/nothing.0123456789abcdef.js",
            "/assets/widget/panel.js",
            "/assets/widget/panel.short.js",
            "/assets/widget/loader.0123456789abcdef.ts",
            "/w.js",
        ] {
            assert!(find_successor(unknown).is_none(), "{unknown}");
        }
    }

    #[test]
    fn modules_import_each_other_by_hashed_names() {
        for (name, address) in TABLE.iter().filter(|(name, _)| name.ends_with(".js")) {
            let asset = find(address).unwrap_or_else(|| panic!("{name} is not served"));
            let text = std::str::from_utf8(asset.bytes).unwrap();
            assert!(!text.contains("__WIDGET_URL__"), "{name}");
            let (folder, _) = address.rsplit_once('/').unwrap();
            // Whatever stands in quotes like a neighbour's name: `late` imports, too.
            let quoted = text
                .split('\'')
                .filter(|it| it.starts_with('.') && it.ends_with(".js"));
            for import in quoted {
                let import = import.to_owned();
                let target = source::resolve(&format!("{folder}/x"), &import);
                assert!(find(&target).is_some(), "{name} imports {import}");
            }
        }
    }

    #[test]
    fn comments_and_indentation_go_and_strings_stay() {
        let script = "/** Doc.\n * @param {string} a */\n// note\nfunction f(a) {\n  const url = 'http://x'; // kept\n\n  /* gone */\n  return '/* ' + a + ' */';\n}\n";
        let kept =
            "function f(a) {\nconst url = 'http://x'; // kept\nreturn '/* ' + a + ' */';\n}\n";
        assert_eq!(source::strip(script).unwrap(), kept);
    }

    #[test]
    fn code_that_would_be_lost_with_a_comment_fails_the_build() {
        for lossy in [
            "/** @type {Map} */ (x).clear();",
            "/* a\nb */ .c { color: red }",
            "/* never closed\n.c { color: red }",
        ] {
            assert!(source::strip(lossy).is_err(), "{lossy}");
        }
    }

    #[test]
    fn a_script_keeps_its_meaning_under_shorter_names() {
        let script = "const handler = (event, [first]) => {\n  stopped = true;\n  handler.count += 1 - -first;\n};\nlet stopped = `${handler} handler`;\n";
        assert_eq!(
            shorten::shorten(script),
            "let a=(event,[first])=>{b=true;a.count+=1- -first;};let b=`${a} handler`;"
        );
    }

    #[test]
    fn keys_keep_their_names_and_variables_do_not() {
        for (script, short) in [
            (
                "const title=1;const it={title:2};",
                "let a=1;let it={title:2};",
            ),
            (
                "const title=1;const it={title};",
                "let a=1;let it={title:a};",
            ),
            (
                "const{title,size=1}=it;use(title,size);",
                "let{title:b,size:a=1}=it;use(b,a);",
            ),
            (
                "function title(){}const it={title(){}};",
                "function a(){}let it={title(){}};",
            ),
            ("const title=1;it.title=title;", "let a=1;it.title=a;"),
            ("const title=1;it?.title(title);", "let a=1;it?.title(a);"),
            ("const title=1;it=ok?title:{};", "let a=1;it=ok?a:{};"),
            ("it(({title})=>{title=1});", "it(({title:a})=>{a=1});"),
        ] {
            assert_eq!(shorten::shorten(script), short);
        }
    }

    #[test]
    fn what_only_readers_need_is_left_out() {
        for (script, short) in [
            ("it([1,2,],{a,},);", "it([1,2],{a});"),
            ("it( /** @type {any} */ (a)/* b */ );", "it((a));"),
            ("it(a) /* b */\nlet c", "it(a)\nlet c"),
            (
                "it=`\n.a{\ncolor:red;\n}\n.b{}\n`;",
                "it=`.a{color:red;}.b{}`;",
            ),
            ("it=`.a\n.b{}`;", "it=`.a\n.b{}`;"),
            ("it='/* no comment */,]';", "it='/* no comment */,]';"),
        ] {
            assert_eq!(shorten::shorten(script), short);
        }
    }

    #[test]
    fn what_others_know_by_name_keeps_it() {
        for kept in [
            // Another module, or the browser.
            "export let title=1;",
            "export async function title(){}",
            "import{title}from'./a.js';",
            "let name=1;",
            // No code at all.
            "it='title';",
            "it=/title/.test(it);",
            "it=`title ${1}title`;",
        ] {
            assert_eq!(shorten::shorten(kept), kept);
        }
    }

    #[test]
    fn what_a_script_cannot_begin_without_is_named_line_by_line() {
        let script = "import { a } from './a.js';\nconst b = import('./b.js');\n";
        assert_eq!(
            source::inlined(script),
            [(
                "import { a } from './a.js';\n".to_owned(),
                "./a.js".to_owned()
            )]
        );
    }

    #[test]
    fn relative_imports_are_found_and_resolved() {
        let script = "import { a } from './a.js';\nimport \"../shared/b.js\";\nconst c = await import('./c.js');\nimport 'https://x';";
        assert_eq!(
            source::imports(script),
            ["../shared/b.js", "./a.js", "./c.js"]
        );
        assert_eq!(
            source::resolve("admin/live.js", "../shared/b.js"),
            "shared/b.js"
        );
    }
}
