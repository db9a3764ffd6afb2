//! The same over the doors: the sheet with and without a script, the pages under
//! Settings, and what open screens are told.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use shopbell::accounts::Role;

use crate::support::{AgentBrowser, House, between, open_house};

/// A conversation at the house.
async fn talk(house: &House) -> String {
    let posted = house.visitor().await.writes("hello").await;
    posted["conversation"].as_str().unwrap().to_owned()
}

/// As a page without scripts sends it.
async fn submits(agent: &AgentBrowser, path: &str, fields: &[(&str, &str)]) -> Response {
    let csrf = agent.csrf().await;
    let form = agent
        .request(Method::POST, path)
        .header("origin", &agent.url)
        .header("x-csrf-token", csrf)
        .header("accept", "text/html")
        .form(fields);
    form.send().await.unwrap()
}

async fn makes(agent: &AgentBrowser, name: &str) -> String {
    let answer = submits(agent, "/settings/tags", &[("name", name)]).await;
    assert_eq!(answer.status(), 303);
    let there = answer.headers()["location"].to_str().unwrap().to_owned();
    there.rsplit('=').next().unwrap().to_owned()
}

/// The names above a conversation.
fn shown(page: &str) -> Vec<String> {
    let line = between(page, "class=\"tags-line\"", "</ul>").unwrap_or_default();
    let names = line.split("<bdi>").skip(1);
    names
        .map(|it| it.split("</bdi>").next().unwrap().to_owned())
        .collect()
}

#[actix_web::test]
async fn boxes_are_sent_as_they_are_pressed_and_what_was_made_comes_back_as_a_box() {
    let house = open_house().await;
    house
        .add_agent("bob@mugs.example", "Bob", Role::Agent)
        .await;
    let bob = house.agent("bob@mugs.example").await;
    let key = talk(&house).await;
    let path = format!("/inbox/{key}/tags");
    let mut made = Value::Null;
    for _ in 0..2 {
        let answer = bob.post(&path, &[("new_tag", " Refund ")]).await;
        assert_eq!(answer.status(), 200);
        let told: Value = answer.json().await.unwrap();
        assert!(made == Value::Null || made == told["tag"], "the same twice");
        let item = &told["item"];
        assert_eq!(item["list"], "tags");
        assert!(item["html"].as_str().unwrap().contains("<bdi>Refund</bdi>"));
        made = told["tag"].clone();
    }
    let tag = made.to_string();
    let page = bob.sees(&format!("/inbox/{key}")).await;
    assert_eq!(shown(&page), ["Refund"]);
    assert!(page.contains(&format!("value=\"{tag}\" checked")), "{page}");
    assert!(page.contains("Bob"), "who gave it");

    for (fields, left) in [
        ([("had", tag.as_str())], vec![]),
        ([("had", tag.as_str())], vec![]),
        ([("tags", tag.as_str())], vec!["Refund"]),
        ([("tags", tag.as_str())], vec!["Refund"]),
    ] {
        assert_eq!(bob.post(&path, &fields).await.status(), 200);
        assert_eq!(shown(&bob.sees(&format!("/inbox/{key}")).await), left);
    }
    for unknown in ["99", "-1"] {
        let answer = bob.post(&path, &[("tags", unknown)]).await;
        assert_eq!(answer.status(), 404);
    }
    for bad in [[("tags", "one")], [("other", "1")]] {
        assert_eq!(bob.post(&path, &bad).await.status(), 400);
    }
    house.close().await;
}

#[actix_web::test]
async fn who_makes_the_same_tag_at_once_makes_one() {
    let house = open_house().await;
    let (one, other) = (house.owner().await, house.owner().await);
    let key = talk(&house).await;
    let path = format!("/inbox/{key}/tags");
    let (decomposed, composed) = ([("new_tag", "Cafe\u{301}")], [("new_tag", "CAF\u{c9}")]);
    let answers = tokio::join!(one.post(&path, &decomposed), other.post(&path, &composed));
    let (one, other): (Value, Value) = (
        answers.0.json().await.unwrap(),
        answers.1.json().await.unwrap(),
    );
    assert_eq!(one["tag"], other["tag"], "{one} {other}");
    assert!(one["tag"].is_number());
    let page = house.owner().await.sees(&format!("/inbox/{key}")).await;
    assert_eq!(shown(&page).len(), 1);
    house.close().await;
}

#[actix_web::test]
async fn two_pages_without_scripts_that_are_sent_at_once_both_have_their_way() {
    let house = open_house().await;
    let owner = house.owner().await;
    let key = talk(&house).await;
    let (refund, vip, old) = (
        makes(&owner, "Refund").await,
        makes(&owner, "VIP").await,
        makes(&owner, "Old").await,
    );
    let path = format!("/inbox/{key}/tags");
    submits(&owner, &path, &[("tags", &old)]).await;
    // Both pages were drawn when there was only that one.
    let (old, refund, vip) = (old.as_str(), refund.as_str(), vip.as_str());
    let first = [("tags", old), ("had", old), ("tags", refund)];
    let second = [("had", old), ("tags", vip), ("new_tag", "")];
    for fields in [&first, &second] {
        let answer = submits(&owner, &path, fields).await;
        assert_eq!(answer.status(), 303);
        assert_eq!(answer.headers()["location"], format!("/inbox/{key}"));
    }
    let page = owner.sees(&format!("/inbox/{key}")).await;
    assert_eq!(shown(&page), ["Refund", "VIP"]);
    house.close().await;
}

#[actix_web::test]
async fn a_sheet_that_is_refused_comes_back_open_as_it_was_filled_in() {
    let house = open_house().await;
    let owner = house.owner().await;
    let key = talk(&house).await;
    let refund = makes(&owner, "Refund").await;
    let long = "x".repeat(51);
    let path = format!("/inbox/{key}/tags");
    let fields = [("tags", refund.as_str()), ("new_tag", long.as_str())];
    let answer = submits(&owner, &path, &fields).await;
    assert_eq!(answer.status(), 422);
    let page = answer.text().await.unwrap();
    let sheet = between(&page, "id=\"tags-sheet\"", "</form>").unwrap();
    assert!(
        sheet.contains("data-open") && sheet.contains(&long),
        "{sheet}"
    );
    assert!(sheet.contains("new_tag-error"), "{sheet}");
    assert!(sheet.contains(&format!("value=\"{refund}\" checked")));
    assert!(!sheet.contains("name=\"had\""), "nothing was done");
    let told = owner.post(&path, &fields).await;
    assert_eq!(told.status(), 422);
    let told: Value = told.json().await.unwrap();
    assert_eq!(told["field"], "new_tag", "{told}");
    house.close().await;
}

#[actix_web::test]
async fn what_a_colleague_gives_stays_when_a_form_from_before_is_refused_and_sent_again() {
    let house = open_house().await;
    let owner = house.owner().await;
    let key = talk(&house).await;
    let (old, theirs) = (makes(&owner, "Old").await, makes(&owner, "Theirs").await);
    let path = format!("/inbox/{key}/tags");
    submits(&owner, &path, &[("tags", &old)]).await;
    // The sheet was drawn; then a colleague gives one.
    submits(&owner, &path, &[("tags", &theirs)]).await;
    let long = "x".repeat(51);
    let sent = [
        ("tags", old.as_str()),
        ("had", old.as_str()),
        ("new_tag", long.as_str()),
    ];
    let page = submits(&owner, &path, &sent).await.text().await.unwrap();
    let sheet = between(&page, "id=\"tags-sheet\"", "</form>").unwrap();
    let mut again = vec![("new_tag", "x")];
    for (field, mark) in [
        ("tags", "name=\"tags\" value=\"{}\" checked"),
        ("had", "name=\"had\" value=\"{}\""),
    ] {
        for tag in [&old, &theirs] {
            if sheet.contains(&mark.replace("{}", tag)) {
                again.push((field, tag));
            }
        }
    }
    assert_eq!(submits(&owner, &path, &again).await.status(), 303);
    let page = owner.sees(&format!("/inbox/{key}")).await;
    let mut now = shown(&page);
    now.sort();
    assert_eq!(now, ["Old", "Theirs", "x"]);
    house.close().await;
}

#[actix_web::test]
async fn an_admin_makes_renames_and_puts_away_and_takes_it_back() {
    let house = open_house().await;
    let owner = house.owner().await;
    let empty = owner.sees("/settings/tags").await;
    assert!(empty.contains("No tags yet"), "{empty}");
    let tag = makes(&owner, "<Refund>").await;
    let key = talk(&house).await;
    let give = [("tags", tag.as_str())];
    owner.post(&format!("/inbox/{key}/tags"), &give).await;
    let list = owner.sees("/settings/tags").await;
    assert!(list.contains("&#60;Refund&#62;") && list.contains("1 chat<"));

    let there = format!("/settings/tags/{tag}");
    let new = [("name", "Money back"), ("colour", "teal")];
    let saved = submits(&owner, &there, &new).await;
    assert_eq!(saved.headers()["location"], format!("{there}?done=saved"));
    let page = owner.sees(&format!("{there}?done=saved")).await;
    assert!(page.contains("Money back") && page.contains("value=\"teal\" checked"));
    let strange = [("name", "Money back"), ("colour", "#ff0000")];
    assert_eq!(submits(&owner, &there, &strange).await.status(), 400);
    let refused = submits(&owner, &there, &[("name", ""), ("colour", "red")]).await;
    assert_eq!(refused.status(), 422);
    let refused = refused.text().await.unwrap();
    assert!(refused.contains("value=\"red\" checked"), "nothing is lost");

    let archive = submits(&owner, &format!("{there}/archive"), &[]).await;
    let said = archive.headers()["location"].to_str().unwrap().to_owned();
    let list = owner.sees(&said).await;
    let undo = format!("action=\"{there}/bring-back\"");
    assert_eq!(list.matches(&undo).count(), 2, "in the list, and as Undo");
    assert_eq!(
        shown(&owner.sees(&format!("/inbox/{key}")).await),
        ["Money back"]
    );
    submits(&owner, &format!("{there}/bring-back"), &[]).await;
    let list = owner.sees(&said).await;
    assert!(!list.contains(&undo), "what no longer holds is not said");
    for nothing in ["/settings/tags/99", "/settings/tags/x"] {
        let asked = owner.request(Method::GET, nothing).send().await.unwrap();
        assert_eq!(asked.status(), 404, "{nothing}");
    }
    for strange in ["?done=merged&tag=99", "?done=merged&tag=x", "?done=%00"] {
        owner.sees(&format!("/settings/tags{strange}")).await;
    }
    house.close().await;
}

#[actix_web::test]
async fn whoever_gives_a_tag_the_name_of_another_is_asked_whether_both_are_one() {
    let house = open_house().await;
    let owner = house.owner().await;
    let (money, refund) = (makes(&owner, "Money").await, makes(&owner, "Refund").await);
    let key = talk(&house).await;
    let give = [("tags", money.as_str())];
    owner.post(&format!("/inbox/{key}/tags"), &give).await;

    let there = format!("/settings/tags/{money}");
    let refused = submits(&owner, &there, &[("name", "REFUND")]).await;
    assert_eq!(refused.status(), 422);
    let page = refused.text().await.unwrap();
    assert!(
        page.contains("value=\"REFUND\""),
        "what was typed stands there"
    );
    let offer = format!("name=\"into\" value=\"{refund}\"");
    assert!(page.contains(&offer), "{page}");
    let merge = format!("{there}/merge");
    for (into, status) in [("", 422), ("x", 422), (money.as_str(), 422), ("99", 422)] {
        let answer = submits(&owner, &merge, &[("into", into)]).await;
        assert_eq!(answer.status(), status, "{into}");
    }
    for _ in 0..2 {
        let merged = submits(&owner, &merge, &[("into", &refund)]).await;
        assert_eq!(merged.status(), 303, "twice is once");
    }
    assert_eq!(
        shown(&owner.sees(&format!("/inbox/{key}")).await),
        ["Refund"]
    );
    let list = owner
        .sees(&format!("/settings/tags?done=merged&tag={money}"))
        .await;
    let undo = format!("action=\"{there}/unmerge\"");
    assert_eq!(list.matches(&undo).count(), 2, "{list}");

    makes(&owner, "money").await;
    let late = submits(&owner, &format!("{there}/unmerge"), &[]).await;
    assert_eq!(late.status(), 422);
    assert!(late.text().await.unwrap().contains("id=\"merged-error\""));
    house.close().await;
}

#[actix_web::test]
async fn what_is_given_stands_on_every_open_screen_and_in_no_log() {
    let house = open_house().await;
    let owner = house.owner().await;
    let tag = makes(&owner, "Refund").await;
    let key = talk(&house).await;
    let mut screen = owner.listens(&key).await;
    let mut list = owner.listens("").await;
    let give = [("tags", tag.as_str())];
    owner.post(&format!("/inbox/{key}/tags"), &give).await;

    let html = |it: Value| it["html"].as_str().unwrap().to_owned();
    let row = list.next_that(|it| it["list"] == "conversations").await;
    assert_eq!(row["data"], Value::Null, "nobody wrote, so nothing rings");
    assert!(html(row).contains("Refund"));
    let mut told = Vec::new();
    for _ in 0..3 {
        let item = screen.next().await;
        let of = item["list"].as_str().unwrap().replace(&key, "");
        assert!(html(item).contains("Refund"), "{of}");
        told.push(of);
    }
    assert_eq!(told, ["conversations", "header-", "visitor-"]);
    house.close().await;
}

#[actix_web::test]
async fn a_tag_that_is_called_otherwise_is_one_item_and_one_that_is_merged_leaves() {
    let house = open_house().await;
    let owner = house.owner().await;
    let (money, refund) = (makes(&owner, "Money").await, makes(&owner, "Refund").await);
    let key = talk(&house).await;
    let give = [("tags", money.as_str())];
    owner.post(&format!("/inbox/{key}/tags"), &give).await;
    let mut screen = owner.listens(&key).await;
    let there = format!("/settings/tags/{money}");
    submits(&owner, &there, &[("name", "Cash"), ("colour", "blue")]).await;
    let put = screen.next().await;
    assert_eq!(
        (&put["list"], &put["op"], &put["id"]),
        (
            &json!("tags"),
            &json!("put"),
            &json!(format!("tag-{money}"))
        )
    );
    let html = put["html"].as_str().unwrap();
    assert!(html.contains("<bdi>Cash</bdi>") && html.contains("\"blue\""));

    submits(&owner, &format!("{there}/merge"), &[("into", &refund)]).await;
    let left = screen.next_that(|it| it["list"] == "tags").await;
    assert_eq!(left["op"], "remove");
    // Of which one it is now: older entries are painted by the page.
    let end = screen.next().await;
    assert_eq!(
        (&end["op"], &end["id"], &end["data"]),
        (
            &json!("put"),
            &json!(format!("tag-{refund}")),
            &json!(money)
        )
    );
    let row = screen.next_that(|it| it["list"] == "conversations").await;
    assert!(row["html"].as_str().unwrap().contains("<bdi>Refund</bdi>"));
    let header = screen.next().await;
    assert_eq!(header["list"], format!("header-{key}"));
    assert!(header["html"].as_str().unwrap().contains("Refund"));
    house.close().await;
}

/// The entries of its lists.
fn listed(page: &str) -> Vec<&str> {
    let rows = page.split("class=\"row\" id=\"c-").skip(1);
    rows.map(|it| it.split('"').next().unwrap()).collect()
}

#[actix_web::test]
async fn lists_are_narrowed_to_a_tag_with_all_that_was_merged_into_it() {
    let house = open_house().await;
    let owner = house.owner().await;
    let empty = owner.sees("/inbox").await;
    assert!(!empty.contains("name=\"tag\""), "nothing to choose");
    let (money, refund) = (makes(&owner, "Money").await, makes(&owner, "Refund").await);
    let old = makes(&owner, "Old").await;
    let (one, other) = (talk(&house).await, talk(&house).await);
    let gives = async |key: &str, tag: &str| {
        let path = format!("/inbox/{key}/tags");
        let given = owner.post(&path, &[("tags", tag)]).await;
        assert_eq!(given.status(), 200);
    };
    gives(&one, &money).await;
    gives(&other, &old).await;
    submits(&owner, &format!("/settings/tags/{old}/archive"), &[]).await;
    let narrowed = async |tag: &str| owner.sees(&format!("/inbox?tag={tag}")).await;
    assert_eq!(listed(&narrowed(&money).await), [one.as_str()]);
    let away = narrowed(&old).await;
    assert_eq!(listed(&away), [other.as_str()]);
    assert!(away.contains("Old (archived)"), "{away}");
    for nothing in [refund.as_str(), "99"] {
        assert!(listed(&narrowed(nothing).await).is_empty(), "{nothing}");
    }

    let mut screen = owner.listens("").await;
    gives(&other, &refund).await;
    let row = screen.next_that(|it| it["list"] == "conversations").await;
    let html = row["html"].as_str().unwrap();
    let facets = between(html, "data-facets=\"", "\"").unwrap();
    let expected = [format!("tag-{refund}"), format!("tag-{old}")];
    let told: Vec<&str> = facets
        .split(' ')
        .filter(|it| it.starts_with("tag-"))
        .collect();
    assert_eq!(told, expected);
    let merge = [("into", refund.as_str())];
    submits(&owner, &format!("/settings/tags/{money}/merge"), &merge).await;
    let page = narrowed(&refund).await;
    let mut found = listed(&page);
    found.sort_unstable();
    let mut both = [one.as_str(), other.as_str()];
    both.sort_unstable();
    assert_eq!(found, both);
    // The number of what was merged is still in bookmarks, and on open pages.
    let page = narrowed(&money).await;
    let mut found = listed(&page);
    found.sort_unstable();
    assert_eq!(found, both);
    assert!(
        page.contains(&format!("data-facets=\"tag-{refund}\"")),
        "{page}"
    );
    let row = between(&page, &format!("id=\"c-{one}\""), "</li>").unwrap();
    for number in [&money, &refund] {
        assert!(row.contains(&format!("tag-{number}")), "{row}");
    }
    house.close().await;
}

#[actix_web::test]
async fn who_does_not_answer_customers_sees_tags_and_gives_none() {
    let house = open_house().await;
    house
        .add_agent("bob@mugs.example", "Bob", Role::Agent)
        .await;
    let (owner, bob) = (house.owner().await, house.agent("bob@mugs.example").await);
    let key = talk(&house).await;
    let path = format!("/inbox/{key}/tags");
    let made = [("new_tag", "Refund")];
    assert_eq!(bob.post(&path, &made).await.status(), 200);
    let page = bob.sees(&format!("/inbox/{key}")).await;
    assert!(page.contains("id=\"tags-sheet\""));
    let member = [("name", "Bob"), ("role", "agent")];
    owner.post("/settings/team/2", &member).await;
    assert_eq!(bob.post(&path, &made).await.status(), 403);
    let page = bob.sees(&format!("/inbox/{key}")).await;
    assert!(!page.contains("id=\"tags-sheet\""));
    assert_eq!(shown(&page), ["Refund"]);
    house.close().await;
}
