//! The alert rules and the dashboard, asked of a real Prometheus that scrapes
//! the example server: every query returns data, every planted fault raises
//! its alert, and the server without a fault raises none.
//!
//! ```text
//!   server, no fault  ─┐                       ┌─ every query of dashboard.json
//!   server, guards    ─┼─▶ prometheus, 1 s ───▶┼─ every selector of alerts.yml
//!   server, map       ─┤   rules 120 × faster  └─ which alerts, for which server
//!   server, zeros     ─┘
//! ```
//!
//! The rules are those that are shipped, with a minute made half a second: so
//! an alert that wants ten minutes fires after five seconds. What the durations
//! mean as they are is held by `promtool test rules`.
//!
//! Wants `MILLPOND_PROMETHEUS=prometheus`. Without it the test says so and passes.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use millpond::observe::metric::METRICS;
use serde_json::Value;

#[path = "program/mod.rs"]
mod program;
#[path = "program/server.rs"]
mod server;

use server::Server;

/// How long anything may take that does happen in the end.
const PATIENCE: Duration = Duration::from_secs(150);

/// Which alert tells of which fault.
const TELLS: [(&str, &str); 3] = [
    ("guards", "MillpondGuardsNotReturned"),
    ("map", "MillpondLeak"),
    ("zeros", "MillpondZeroDrift"),
];

#[test]
fn every_query_returns_data_and_every_fault_raises_its_alert() {
    let Ok(program) = std::env::var("MILLPOND_PROMETHEUS") else {
        eprintln!("left out: MILLPOND_PROMETHEUS names no Prometheus");
        return;
    };
    let calm = Server::start(&[]);
    let faulty = TELLS.map(|(fault, _)| (fault, Server::start(&["--fault", fault])));
    let rules = fs::read_to_string(shipped("alerts.yml")).unwrap();
    let targets = faulty.each_ref().map(|(_, server)| server.address.clone());
    let targets = [std::slice::from_ref(&calm.address), &targets[..]].concat();
    let prometheus = Prometheus::start(&program, &targets, &faster(&rules));

    let mut missing = queries(&rules);
    let mut silent: Vec<_> = TELLS.to_vec();
    let started = Instant::now();
    while !(missing.is_empty() && silent.is_empty()) {
        assert!(
            started.elapsed() < PATIENCE,
            "no data for {missing:#?}\nno alert for {silent:?} in {:#?}",
            prometheus.firing()
        );
        for server in targets.iter() {
            server::work(server);
        }
        missing.retain(|query| prometheus.ask(query).is_empty());
        let firing = prometheus.firing();
        silent.retain(|(fault, alert)| {
            let server = &faulty.iter().find(|(name, _)| name == fault).unwrap().1;
            !firing.contains(&(server.address.clone(), (*alert).to_owned()))
        });
        std::thread::sleep(Duration::from_millis(500));
    }
    println!("all after {} s", started.elapsed().as_secs());

    let firing = prometheus.firing();
    let false_alarms: Vec<_> = firing
        .iter()
        .filter(|(at, _)| *at == calm.address)
        .collect();
    assert!(false_alarms.is_empty(), "{false_alarms:?}");
    let rules = prometheus.get("/api/v1/rules");
    for rule in rules["data"]["groups"][0]["rules"].as_array().unwrap() {
        assert_eq!(rule["health"], "ok", "{rule}");
    }
}

/// All that must return data: the dashboard's queries, as a dashboard would ask
/// them, and what the rules select before they compare it.
fn queries(rules: &str) -> BTreeSet<String> {
    let dashboard = fs::read_to_string(shipped("dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let mut expressions = Vec::new();
    collect(&dashboard, &mut expressions);
    assert!(expressions.len() > 20, "{expressions:?}");
    let filled = expressions.iter().map(|expression| {
        expression
            .replace("$job", ".*")
            .replace("$instance", ".*")
            .replace("$__rate_interval", "10s")
    });
    let selected = selectors(rules);
    assert!(selected.len() > 10, "{selected:?}");
    filled.chain(selected).collect()
}

/// Every `expr` of the JSON. Of the annotation, which asks when something
/// changed, what it looks at.
fn collect(json: &Value, found: &mut Vec<String>) {
    match json {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(text) if name == "expr" => {
                        found.push(text.trim_end_matches(" > 0").to_owned());
                    }
                    _ => collect(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
        _ => {}
    }
}

/// Every series that the rules name, with its labels.
fn selectors(rules: &str) -> BTreeSet<String> {
    let expressions = rules
        .lines()
        .filter(|line| !line.trim_start().starts_with(['#', 's', 'd']));
    let mut found = BTreeSet::new();
    for line in expressions {
        for (at, _) in line.match_indices("millpond_") {
            let rest = &line[at..];
            let end = rest
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            let labels = match rest[end..].strip_prefix('{') {
                Some(labels) => labels.find('}').unwrap() + 2,
                None => 0,
            };
            found.insert(rest[..end + labels].to_owned());
        }
    }
    found
}

/// Makes a minute of the rules half a second, and an hour half a minute.
fn faster(rules: &str) -> String {
    let mut faster = String::new();
    let mut rest = rules;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let digits = rest[at..]
            .find(|c: char| !c.is_ascii_digit())
            .map_or(rest.len(), |end| at + end);
        faster += &rest[..at];
        let number: u64 = rest[at..digits].parse().unwrap();
        let ends = |unit: char| {
            let mut after = rest[digits..].chars();
            after.next() == Some(unit) && after.next().is_none_or(|c| !c.is_alphanumeric())
        };
        rest = match (ends('m'), ends('h')) {
            (true, _) => {
                faster += &format!("{}ms", number * 500);
                &rest[digits + 1..]
            }
            (_, true) => {
                faster += &format!("{}s", number * 30);
                &rest[digits + 1..]
            }
            _ => {
                faster += &rest[at..digits];
                &rest[digits..]
            }
        };
    }
    faster + rest
}

#[test]
fn minutes_become_half_seconds_and_nothing_else_changes() {
    let rule = "x1[30m] offset 30m > 1.5 * y[1h] and z > 300\n  for: 5m\n  # m 2 10mm";
    assert_eq!(
        faster(rule),
        "x1[15000ms] offset 15000ms > 1.5 * y[30s] and z > 300\n  for: 2500ms\n  # m 2 10mm"
    );
}

#[test]
fn each_alert_has_a_history_in_which_it_fires_and_one_in_which_it_is_silent() {
    let rules = fs::read_to_string(shipped("alerts.yml")).unwrap();
    let tests = fs::read_to_string(shipped("alerts_test.yml")).unwrap();
    let alerts = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    assert!(alerts.clone().count() >= 6);
    for alert in alerts {
        let tests = tests.split("    alert_rule_test:").skip(1);
        let of_alert = tests.filter(|test| test.contains(&format!("alertname: {alert}\n")));
        let (silent, fires): (Vec<_>, Vec<_>) =
            of_alert.partition(|test| test.contains("exp_alerts: []"));
        assert!(!silent.is_empty() && !fires.is_empty(), "{alert}");
    }
}

#[test]
fn every_metric_that_is_asked_for_exists() {
    for file in ["alerts.yml", "alerts_test.yml", "dashboard.json"] {
        let text = fs::read_to_string(shipped(file)).unwrap();
        for (at, _) in text.match_indices("millpond_") {
            let name = text[at..].split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let name = name.take(1).collect::<String>();
            let known = METRICS.iter().any(|metric| metric.name == name);
            assert!(known, "{file} asks for {name}");
        }
    }
}

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs/observability")
        .join(name)
}

/// A Prometheus with a folder of its own.
struct Prometheus {
    child: Child,
    folder: PathBuf,
    address: String,
}

impl Prometheus {
    fn start(program: &str, targets: &[String], rules: &str) -> Prometheus {
        let folder = std::env::temp_dir().join(format!("millpond-rules-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("alerts.yml"), rules).unwrap();
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
             rule_files: [alerts.yml]\n\
             scrape_configs:\n  - job_name: example\n    static_configs: [{{targets: {targets:?}}}]\n"
        );
        fs::write(folder.join("prometheus.yml"), config).unwrap();
        // A port that was free a moment ago: Prometheus cannot choose one.
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
        let address = free.unwrap().to_string();
        let child = Command::new(program)
            .arg(format!("--config.file={}/prometheus.yml", folder.display()))
            .arg(format!("--storage.tsdb.path={}/data", folder.display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=warn")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let prometheus = Prometheus {
            child,
            folder,
            address,
        };
        let started = Instant::now();
        while TcpStream::connect(&prometheus.address).is_err() {
            assert!(started.elapsed() < PATIENCE, "Prometheus does not listen");
            std::thread::sleep(Duration::from_millis(100));
        }
        prometheus
    }

    /// Returns what `query` finds now.
    fn ask(&self, query: &str) -> Vec<Value> {
        let query: String = form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let mut answer = self.get(&format!("/api/v1/query?query={query}"));
        assert_eq!(answer["status"], "success", "{answer}");
        match answer["data"]["result"].take() {
            Value::Array(found) => found,
            other => panic!("{other}"),
        }
    }

    /// Returns which server fires which alert.
    fn firing(&self) -> BTreeSet<(String, String)> {
        let alerts = self.get("/api/v1/alerts");
        let firing = alerts["data"]["alerts"].as_array().unwrap().iter();
        let label = |alert: &Value, name: &str| alert["labels"][name].as_str().unwrap().to_owned();
        firing
            .filter(|alert| alert["state"] == "firing")
            .map(|alert| (label(alert, "instance"), label(alert, "alertname")))
            .collect()
    }

    fn get(&self, path: &str) -> Value {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").expect("an answer");
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{path}: {error}: {answer}"))
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
