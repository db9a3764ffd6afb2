//! What an admin says of the house, and what of it holds beside what the operator
//! decided.

use shopbell::config::Config;
use shopbell::db::scratch;
use shopbell::error::{Error, Result};
use shopbell::settings::{self, MailSettings};

fn config(given: &[(&str, &str)]) -> Config {
    let find = |name: &str| given.iter().find(|(key, _)| *key == name);
    Config::parse(|name| find(name).map(|(_, value)| (*value).to_owned())).unwrap()
}

fn mail(host: &str, password: &str) -> MailSettings {
    MailSettings {
        host: host.to_owned(),
        port: 587,
        security: "starttls".to_owned(),
        user: "shop".to_owned(),
        password: password.to_owned(),
        from_name: String::new(),
        from: "shop@mugs.example".to_owned(),
    }
}

#[test]
fn a_password_stays_with_its_server_and_goes_to_no_other() {
    let done = scratch(|w| {
        let save = |new| settings::save_mail(w, new, &config(&[]));
        let stored = || Ok::<_, Error>(settings::mail(w)?.unwrap().password);
        save(mail("mail.example", "secret"))?;
        save(mail(" mail.example ", ""))?;
        assert_eq!(stored()?, "secret");
        let renamed = MailSettings {
            from_name: "Mugs".to_owned(),
            ..mail("mail.example", "")
        };
        save(renamed)?;
        assert_eq!(stored()?, "secret");
        save(mail("evil.example", ""))?;
        assert_eq!(stored()?, "");
        Ok(())
    });
    done.unwrap();
}

#[test]
fn all_that_is_wrong_with_the_mail_is_said_at_once_and_nothing_is_kept() {
    let done = scratch(|w| {
        let wrong = MailSettings {
            port: 0,
            security: "hope".to_owned(),
            from_name: "x".repeat(81),
            from: "nobody".to_owned(),
            ..mail("two words", &"x".repeat(257))
        };
        let Err(Error::Invalid(mistakes)) = settings::save_mail(w, wrong, &config(&[])) else {
            panic!("it was not refused");
        };
        let fields: Vec<&str> = mistakes.iter().map(|it| it.field).collect();
        assert_eq!(
            fields,
            ["host", "port", "security", "password", "from_name", "from"]
        );
        assert!(settings::mail(w)?.is_none());
        Ok(())
    });
    done.unwrap();
}

#[test]
fn what_the_operator_decided_goes_before_what_an_admin_said() {
    let operator = config(&[
        ("smtp-url", "smtps://mail.example"),
        ("mail-from", "chat@mugs.example"),
    ]);
    let done = scratch(|w| {
        assert!(settings::outgoing(w, &config(&[]))?.is_none());
        let from = |config: &Config| -> Result<(String, String)> {
            let outgoing = settings::outgoing(w, config)?.unwrap();
            Ok((outgoing.server.host, outgoing.from.to_string()))
        };
        let decided = ("mail.example".to_owned(), "chat@mugs.example".to_owned());
        assert_eq!(from(&operator)?, decided);
        settings::save_mail(w, mail("post.example", ""), &operator)?;
        assert_eq!(from(&operator)?, decided);
        let said = ("post.example".to_owned(), "shop@mugs.example".to_owned());
        assert_eq!(from(&config(&[]))?, said);
        Ok(())
    });
    done.unwrap();
}

#[test]
fn each_subject_is_kept_by_itself_and_what_cannot_be_read_is_an_error() {
    let done = scratch(|w| {
        assert_eq!(settings::find::<i64>(w, "kettle")?, None);
        settings::put(w, "kettle", &7)?;
        settings::put(w, "kettle", &8)?;
        settings::put(w, "teapot", &"blue")?;
        assert_eq!(settings::find(w, "kettle")?, Some(8));
        assert_eq!(settings::find(w, "teapot")?, Some("blue".to_owned()));
        let other = settings::find::<i64>(w, "teapot");
        assert!(matches!(other, Err(Error::Internal { .. })));
        Ok(())
    });
    done.unwrap();
}
