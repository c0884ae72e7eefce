//! The same for everything beyond the store: outputs, reactions, verification, metrics.

use serde_json::{Value, json};

use crate::values::Place;

/// What a key may hold, and what it may not.
pub(crate) fn values(place: Place, key: &str) -> (Vec<Value>, Vec<Value>) {
    match place {
        Place::Secrets | Place::Entry => of_entry(key),
        Place::Metrics => of_metrics(key),
        Place::Output | Place::Set | Place::SetFile => of_output(place, key),
        Place::UnitAction | Place::SignalAction | Place::CommandAction => of_action(place, key),
        Place::Check => of_command(key),
        Place::Verify => of_verification(key),
        Place::Guards => flags(),
        _ => panic!("no values for {place:?} {key}: a new key in the schema needs some"),
    }
}

fn flags() -> (Vec<Value>, Vec<Value>) {
    (
        vec![json!(true), json!(false), json!("False"), json!(null), json!("")],
        vec![json!("no"), json!(0), json!([])],
    )
}

fn of_entry(key: &str) -> (Vec<Value>, Vec<Value>) {
    let leaf = json!({"path": "/srv/a.pem", "form": "leaf"});
    match key {
        "outputs" => (
            vec![
                json!([]),
                json!(null),
                leaf.clone(),
                json!([leaf]),
                json!([{"directory": "/srv/a", "files": {"name": "a", "form": "raw"}}]),
                json!([{"path": "/srv/a.key", "form": "PRIVATEKEY", "mode": "0640"}]),
                json!([{"path": "/srv/a.pem", "form": "fullChain", "mode": "0644"}]),
            ],
            vec![
                json!(5),
                json!(["/srv/a.pem"]),
                json!([{}]),
                json!([{"path": "/srv/a.pem"}]),
                json!([{"form": "leaf"}]),
                json!([{"path": "/srv/a.pem", "directory": "/srv/b", "form": "leaf"}]),
                json!([{"path": "/srv/a.pem", "form": "leaf", "files": []}]),
                json!([{"directory": "/srv/a", "form": "leaf"}]),
                json!([{"path": "/srv/a.pem", "form": "privateKey", "mode": "0644"}]),
                json!([{"path": "/srv/a.pem", "form": "leaf", "encryption": "legacy"}]),
                json!([{"path": "/srv/a.pem", "form": "raw", "passwordFile": "/etc/p"}]),
                json!(vec![leaf; 65]),
            ],
        ),
        "check" => (
            vec![json!(null), json!({"command": ["/bin/true", ""]})],
            vec![json!({}), json!(5), json!("/bin/true"), json!({"command": []})],
        ),
        "onRenewal" => (
            vec![
                json!(null),
                json!([]),
                json!({"unit": "nginx"}),
                json!([{"unit": "nginx.service", "action": "Restart"}, {"command": ["/bin/x"]}]),
                json!({"signal": "SIGHUP", "unit": "haproxy"}),
                json!({"signal": "usr2", "pidFile": "/run/x.pid", "unit": ""}),
            ],
            vec![
                json!("nginx"),
                json!(["nginx"]),
                json!([{}]),
                json!({"action": "reload"}),
                json!({"signal": "HUP"}),
                json!({"pidFile": "/run/x.pid"}),
                json!({"signal": "HUP", "unit": "a", "pidFile": "/run/x.pid"}),
                json!({"unit": "nginx", "command": ["/bin/x"]}),
                json!({"unit": "renew.timer"}),
                json!({"unit": "nginx", "user": "www-data"}),
                json!({"signal": "HUP", "unit": "nginx", "action": "reload"}),
            ],
        ),
        "verify" => (
            vec![json!(null), json!([]), json!({"address": "[::1]:443"})],
            vec![json!("127.0.0.1:443"), json!([{}]), json!([5])],
        ),
        "guards" => (vec![json!(null), json!({})], vec![json!(false), json!([]), json!("all")]),
        "rollback" => flags(),
        "expiryWarningInPercent" | "expiryErrorInPercent" => (
            vec![json!(0), json!(100), json!("5"), json!(null), json!("")],
            vec![json!(101), json!(-1), json!("5%"), json!(2.5), json!(true)],
        ),
        other => panic!("no values for {other}: a new key in the schema needs some"),
    }
}

fn of_metrics(key: &str) -> (Vec<Value>, Vec<Value>) {
    match key {
        "textfile" => (
            vec![json!("/var/lib/x/akvvm.prom"), json!(null), json!("")],
            vec![json!("akvvm.prom"), json!("/var/x.txt"), json!("/a/../b.prom"), json!(5)],
        ),
        _ => (
            vec![json!("127.0.0.1:9901"), json!("localhost:9901"), json!(null), json!("")],
            vec![json!("0.0.0.0:9901"), json!(":9901"), json!(9901), json!("127.0.0.1")],
        ),
    }
}

fn of_output(place: Place, key: &str) -> (Vec<Value>, Vec<Value>) {
    let (optional, required) = (vec![json!(null), json!("")], vec![json!(null), json!("")]);
    match (place, key) {
        (Place::Set, "path") | (Place::Output, "directory") => (optional, vec![json!("/srv/x")]),
        (Place::Set, "form") => (optional, vec![json!("leaf")]),
        (Place::Set, "passwordFile") => (optional, vec![json!("/etc/p")]),
        (Place::Set, "encryption") => (optional, vec![json!("modern")]),
        (Place::Output, "files") => (vec![json!(null)], vec![json!([])]),
        (_, "path" | "directory") => (
            vec![
                json!("/srv/a.pem"),
                json!(" /srv//./b "),
                json!("/srv/.hidden/a"),
                json!("/...//a"),
            ],
            [
                required,
                vec![
                    json!("a.pem"),
                    json!("/a"),
                    json!("/a/../b"),
                    json!("/"),
                    json!("//./a/"),
                    json!(5),
                ],
            ]
            .concat(),
        ),
        (_, "files") => (
            vec![json!([{"name": "a", "form": "leaf"}]), json!({"name": "a", "form": "leaf"})],
            vec![
                json!(null),
                json!([]),
                json!(["a"]),
                json!([{"name": "a"}]),
                json!([{"form": "leaf"}]),
            ],
        ),
        (_, "name") => (
            vec![json!("tls.crt"), json!(" a b ")],
            [required, vec![json!("a/b"), json!(".a"), json!("a..b"), json!("a".repeat(191))]]
                .concat(),
        ),
        (_, "form") => (
            ["combined", "pkcs12", "privateKey", "fullchain", "LEAF", "issuers", " raw "]
                .map(Value::from)
                .to_vec(),
            [required, vec![json!("pfx"), json!("key"), json!(5), json!(["leaf"])]].concat(),
        ),
        (_, "owner" | "group") => (
            [optional, vec![json!("www-data"), json!("1000")]].concat(),
            vec![json!(1000), json!("a:b"), json!(["a"])],
        ),
        (_, "mode") => (
            [optional, vec![json!("0640"), json!("640"), json!("0400")]].concat(),
            vec![
                json!(640),
                json!(0o640),
                json!("0602"),
                json!("0755"),
                json!("4755"),
                json!("u=rw"),
                json!("64"),
                json!("0888"),
            ],
        ),
        (_, "acls") => (
            vec![json!([{"user": "a"}]), json!({"group": "a"}), json!([])],
            vec![json!([{}]), json!(["a"])],
        ),
        (_, "passwordFile") => (
            [optional, vec![json!("/etc/p")]].concat(),
            vec![json!("password"), json!("/a/../b"), json!(5)],
        ),
        (_, "encryption") => (
            [optional, vec![json!("modern"), json!("Legacy")]].concat(),
            vec![json!("aes"), json!(true)],
        ),
        other => panic!("no values for {other:?}: a new key in the schema needs some"),
    }
}

fn of_action(place: Place, key: &str) -> (Vec<Value>, Vec<Value>) {
    let absent = vec![json!(null), json!("")];
    let file = json!("/run/x.pid");
    match (place, key) {
        (Place::CommandAction, "command" | "timeoutInS" | "user") => of_command(key),
        (Place::UnitAction, "unit") => {
            let bad = ["-x", "../x", "/etc/x", "a b", "a*", "a@", "a@.service", "", "é", "a..b"];
            let good = ["nginx", "nginx.service", "postgresql@15-main", "a.b", " web.target "];
            let mut bad: Vec<Value> = bad.map(Value::from).to_vec();
            bad.extend([json!(null), json!(5)]);
            (good.map(Value::from).to_vec(), bad)
        }
        (Place::UnitAction, "action") => (
            [absent, vec![json!("reload"), json!("try-reload-or-restart"), json!("RESTART")]]
                .concat(),
            vec![json!("stop"), json!("start"), json!(5)],
        ),
        (Place::SignalAction, "signal") => (
            vec![json!("HUP"), json!("sigusr1"), json!(" term ")],
            vec![json!("KILL"), json!(1), json!("9"), json!(null), json!("")],
        ),
        (Place::SignalAction, "pidFile") => {
            (vec![file], vec![json!("x.pid"), json!("/a/../b"), json!(5), json!(null), json!("")])
        }
        (Place::UnitAction, "signal") => (vec![json!("HUP"), json!(null)], vec![json!("KILL")]),
        (_, "unit") => (absent, vec![json!("nginx")]),
        (_, "action") => (absent, vec![json!("reload")]),
        (_, "signal") => (absent, vec![json!("HUP")]),
        (_, "pidFile") => (absent, vec![file]),
        (_, "command") => (absent, vec![json!(["/bin/true"])]),
        (_, "timeoutInS") => (absent, vec![json!(5)]),
        (_, "user") => (absent, vec![json!("nobody")]),
        other => panic!("no values for {other:?}: a new key in the schema needs some"),
    }
}

fn of_command(key: &str) -> (Vec<Value>, Vec<Value>) {
    match key {
        "command" => (
            vec![json!(["/bin/true"]), json!(["/usr/bin/a b", "", "-x;y", "$z\n"])],
            vec![
                json!(null),
                json!(""),
                json!("/usr/sbin/nginx -t"),
                json!([]),
                json!(["nginx", "-t"]),
                json!(["../x"]),
                json!(["/a/../b"]),
                json!(["/bin/sleep", 5]),
                json!(["/bin/x", "a\u{0}b"]),
                json!(vec!["/bin/x"; 257]),
            ],
        ),
        "timeoutInS" => timeouts(),
        "user" => (
            vec![json!("nobody"), json!("1000"), json!(null), json!("")],
            vec![json!(1000), json!("a:b"), json!(true)],
        ),
        other => panic!("no values for {other}: a new key in the schema needs some"),
    }
}

fn timeouts() -> (Vec<Value>, Vec<Value>) {
    (
        vec![json!(1), json!(3600), json!("30"), json!(null), json!("")],
        vec![json!(0), json!(3601), json!("3601"), json!("5s"), json!(1.5), json!(true)],
    )
}

fn of_verification(key: &str) -> (Vec<Value>, Vec<Value>) {
    match key {
        "address" => (
            vec![
                json!("127.0.0.1:443"),
                json!(" [::1]:443 "),
                json!("LocalHost:8443"),
                json!("10.0.0.4:443"),
            ],
            vec![
                json!(null),
                json!(""),
                json!("0.0.0.0:443"),
                json!("[::]:443"),
                json!("127.0.0.1"),
                json!("localhost:0"),
                json!("https://localhost:443"),
                json!(443),
            ],
        ),
        "serverName" => (
            vec![
                json!("www.contoso.com"),
                json!("a"),
                json!("Contoso.com."),
                json!(null),
                json!(""),
            ],
            vec![
                json!("a..b"),
                json!("-a"),
                json!("a b"),
                json!("127.0.0.1"),
                json!("*.a"),
                json!(5),
            ],
        ),
        "alpn" => (
            vec![json!([]), json!(["h2", "http/1.1"]), json!(null), json!("")],
            vec![json!("h2"), json!([5]), json!(["a b"]), json!(["a".repeat(256)])],
        ),
        "startTls" => (
            vec![
                json!("postgres"),
                json!("Postgres"),
                json!("smtp"),
                json!("imap"),
                json!(null),
                json!(""),
            ],
            vec![json!("postgresql+tls"), json!(true)],
        ),
        "timeoutInS" => timeouts(),
        other => panic!("no values for {other}: a new key in the schema needs some"),
    }
}
