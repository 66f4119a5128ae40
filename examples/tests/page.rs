//! The live page in a real browser: it draws, it updates, it tells of a leak,
//! keys and screen readers find their way, and nothing complains.
//!
//! Wants a browser: `MILLPOND_BROWSER=chromium cargo test -p millpond-examples
//! --test page`. Without it the test says so and passes. With
//! `MILLPOND_PICTURES=dir` it leaves pictures of the page there.

use std::path::Path;
use std::process::{Command, Stdio};

#[path = "page/browser.rs"]
mod browser;
#[path = "program/mod.rs"]
mod program;
#[path = "program/server.rs"]
mod server;

use browser::{Browser, Tab};
use serde_json::json;
use server::Server;

fn url(server: &Server) -> String {
    format!("http://{}/", server.address)
}

fn browser() -> Option<Browser> {
    let program = std::env::var("MILLPOND_BROWSER").ok();
    if program.is_none() {
        eprintln!("left out: MILLPOND_BROWSER names no browser");
    }
    program.map(|program| Browser::start(&program))
}

#[test]
fn the_page_draws_updates_and_tells_of_a_leak() {
    let Some(browser) = browser() else { return };
    a_calm_server(&browser);
    a_leaking_server(&browser);
    if let Some(folder) = std::env::var_os("MILLPOND_PICTURES") {
        picture(&browser, Path::new(&folder));
    }
}

fn a_calm_server(browser: &Browser) {
    let server = Server::start(&[]);
    server::work(&server.address);
    let tab = browser.open(&url(&server));
    tab.wait("document.documentElement.dataset.drawn > 0");
    // The bar is 1,000; .ci/page.sh holds it, where nothing else runs.
    let drawn = tab.value("+document.documentElement.dataset.drawn");
    println!("first chart after {drawn} ms");
    assert_eq!(tab.value("document.title"), "request server, millpond");

    // Updates: more ticks, longer lines, requests of the last second.
    let before = tab
        .value("+document.documentElement.dataset.ticks")
        .as_u64()
        .unwrap();
    server::work(&server.address);
    tab.wait(&format!(
        "+document.documentElement.dataset.ticks >= {}",
        before + 3
    ));
    tab.wait("document.querySelector('#memory path.line').getAttribute('d').split('L').length > 3");
    tab.wait("document.querySelectorAll('#p50 path.line').length === 5");
    tab.wait("document.querySelectorAll('#groups button').length === 2");
    tab.wait("document.querySelectorAll('#totals tr').length === 5");
    tab.wait("document.querySelector('#pools').innerText.includes('requests')");
    tab.wait("document.querySelector('#maps').innerText.includes('recent')");
    tab.wait("document.querySelector('#verdict').innerText.startsWith('Nothing to report')");

    for (width, height, scheme) in [
        (1180, 900, "light"),
        (1180, 900, "dark"),
        (360, 740, "light"),
    ] {
        tab.screen(width, height, scheme);
        tab.wait("document.documentElement.scrollWidth <= innerWidth");
        let ground = tab.value("getComputedStyle(document.documentElement).backgroundColor");
        let light = ground.as_str().unwrap().contains("25");
        assert_eq!(light, scheme == "light", "{ground}");
    }
    keys_find_their_way(&tab);
    readers_find_their_way(&tab);
    nothing_complained(&tab, &server);
}

/// Maps are checked out and never given back: the page says so, and where.
fn a_leaking_server(browser: &Browser) {
    let server = Server::start(&["--fault", "guards"]);
    let tab = browser.open(&url(&server));
    tab.screen(1180, 900, "light");
    tab.wait("document.querySelectorAll('#findings [role=alert]').length > 0");
    tab.wait("document.querySelector('#findings').innerText.includes('map pool requests')");
    tab.wait("document.querySelector('#findings').innerText.includes('recent.rs:')");
    tab.wait("document.querySelector('#pools tr.ailing') !== null");
    assert_eq!(tab.value("document.title.startsWith('●')"), true);
    nothing_complained(&tab, &server);
}

/// Takes pictures of a server that is driven and leaks, built for speed.
fn picture(browser: &Browser, folder: &Path) {
    let server = demo(&["--seconds", "120", "--fault", "guards"]);
    let tab = browser.open(&url(&server));
    tab.screen(1180, 900, "light");
    tab.wait("+document.documentElement.dataset.ticks >= 80");
    for scheme in ["light", "dark"] {
        tab.screen(1180, 900, scheme);
        tab.picture(&folder.join(format!("page-{scheme}.png")));
    }
}

/// Starts the server of `MILLPOND_DEMO`, to drive itself.
fn demo(args: &[&str]) -> Server {
    let program = std::env::var_os("MILLPOND_DEMO").expect("a program to take pictures of");
    let mut child = Command::new(program)
        .arg("--demo")
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let address = server::address(&mut stderr, "serving on ");
    // It may not be left without a reader.
    std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
    Server { child, address }
}

/// Tab reaches the charts and the choice of requests; arrows move in time.
fn keys_find_their_way(tab: &Tab<'_>) {
    tab.screen(1180, 900, "light");
    tab.value("document.activeElement.blur()");
    let focused = || {
        tab.value("document.activeElement.closest('.chart')?.id ?? document.activeElement.tagName")
    };
    tab.press("Tab");
    assert_eq!(focused(), "memory");
    let said = || {
        tab.value("document.activeElement.getAttribute('aria-label')")
            .to_string()
    };
    assert!(said().contains("Memory, now: mapped"), "{}", said());
    tab.press("ArrowLeft");
    tab.press("ArrowLeft");
    assert!(said().contains("Memory, 2 s ago"), "{}", said());
    tab.press("Escape");
    assert!(said().contains("Memory, now"), "{}", said());
    tab.press("Tab");
    assert_eq!(focused(), "BUTTON");
}

/// Everything that is a picture, a table or a button has a name.
fn readers_find_their_way(tab: &Tab<'_>) {
    let tree = tab.ask("Accessibility.getFullAXTree", json!({}));
    let mut seen = Vec::new();
    for node in tree["nodes"].as_array().unwrap() {
        let role = node["role"]["value"].as_str().unwrap_or_default();
        if matches!(
            role,
            "image" | "table" | "button" | "link" | "group" | "list"
        ) && node["ignored"] != true
        {
            let name = node["name"]["value"].as_str().unwrap_or_default();
            assert!(!name.is_empty(), "a {role} without a name: {node}");
            seen.push(role);
        }
    }
    for role in ["image", "table", "button", "link"] {
        assert!(seen.contains(&role), "no {role} is there");
    }
}

fn nothing_complained(tab: &Tab<'_>, server: &Server) {
    let (complaints, requests) = tab.complaints_and_requests();
    assert!(complaints.is_empty(), "{complaints:#?}");
    let home = url(server);
    for url in &requests {
        assert!(
            url.starts_with(&home) || url.starts_with("data:"),
            "the page asked for {url}"
        );
    }
    assert!(
        requests.iter().any(|url| url.contains("/stats?since=")),
        "{requests:?}"
    );
}
