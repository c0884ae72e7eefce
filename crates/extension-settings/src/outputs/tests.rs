use serde_json::{Value, json};

use super::*;

fn outputs(value: Value) -> (Vec<Output>, Vec<String>, Vec<String>) {
    let mut remarks = Remarks::default();
    let outputs = read(Field::new("outputs".to_owned(), value), &mut remarks);
    let left = remarks.finish();
    let lines = |remarks: Vec<_>| remarks.iter().map(ToString::to_string).collect();
    (outputs, lines(left.warnings), lines(left.problems))
}

#[test]
fn a_file_is_private_unless_something_else_is_said() {
    let (read, warnings, problems) = outputs(json!([
        {"path": "/etc//tls/./site.pem", "form": "FullChain"},
        {"path": "/etc/tls/site.key", "form": "privateKey", "group": "web", "mode": "640"},
    ]));
    assert_eq!((warnings, problems), (vec![], vec![]));
    let access = FileAccess { group: Some("web".into()), mode: 0o640, ..FileAccess::default() };
    let expected = [
        Output::File {
            path: "/etc/tls/site.pem".into(),
            form: Form::FullChain,
            access: FileAccess::default(),
        },
        Output::File { path: "/etc/tls/site.key".into(), form: Form::PrivateKey, access },
    ];
    assert_eq!(read, expected);
    assert_eq!(FileAccess::default().mode, 0o600);
}

#[test]
fn what_a_directory_says_holds_for_its_files_that_say_nothing() {
    let (read, _, problems) = outputs(json!({
        "directory": "/etc/tls/site", "owner": "postgres", "mode": "0400", "acls": [{"user": "a"}],
        "files": [
            {"name": "server.key", "form": "privateKey"},
            {"name": "server.crt", "form": "fullChain", "mode": "0644", "owner": "root"},
            {"name": "server.pem", "form": "leaf", "mode": "044", "acls": [{"user": "b"}]},
        ],
    }));
    assert_eq!(problems, Vec::<String>::new());
    let [Output::Directory { link, files }] = &read[..] else { panic!("{read:?}") };
    assert_eq!(link, Path::new("/etc/tls/site"));
    let access: Vec<_> =
        files.iter().map(|file| (file.access.owner.as_deref(), file.access.mode)).collect();
    assert_eq!(
        access,
        [(Some("postgres"), 0o400), (Some("root"), 0o644), (Some("postgres"), 0o044)]
    );
    let users: Vec<_> = files.iter().map(|file| file.access.acls[0].user.as_deref()).collect();
    assert_eq!(users, [Some("a"), Some("a"), Some("b")]);
}

#[test]
fn an_output_alone_is_a_list_of_one_with_a_warning() {
    let (read, warnings, problems) = outputs(json!({"path": "/etc/tls/a", "form": "raw"}));
    assert_eq!((read.len(), warnings.len(), problems.len()), (1, 1, 0));
}

#[test]
fn every_mistake_has_its_path_and_its_fix() {
    for (value, sentence) in [
        (json!([{"path": "/e/a", "form": "pem"}]), "outputs[0].form: must be one of"),
        (json!([{"path": "/e/a", "form": "fullchian"}]), "did you mean \"fullChain\"?"),
        (json!([{"path": "/e/a"}]), "outputs[0].form: missing: write one of combined,"),
        (json!([{"form": "leaf"}]), "outputs[0].path: missing: write where the file goes"),
        (json!([{"directory": "/e/a"}]), "outputs[0].files: missing: write a list of files"),
        (json!([{"path": "/e/a", "directory": "/e/b"}]), "has a path and a directory"),
        (json!([{"path": "e/a", "form": "leaf"}]), "\"e/a\" is not an absolute path"),
        (json!([{"path": "/a", "form": "leaf"}]), "stands in the root directory"),
        (json!([{"path": "/e/.akvvm-1", "form": "leaf"}]), "temporary files"),
        (
            json!([{"path": "/e/a", "form": "leaf", "mode": 640}]),
            "outputs[0].mode: must be octal digits in quotes, \"0640\" for example, but is the \
             number 640",
        ),
        (
            json!([{"path": "/e/a", "form": "privateKey", "mode": "0644"}]),
            "outputs[0].mode: the mode 0644 lets everyone read the private key",
        ),
        (
            json!([{"path": "/e/a", "form": "pkcs12", "mode": "0644"}]),
            "outputs[0].mode: the mode 0644 lets everyone read the private key",
        ),
        (
            json!([{"path": "/e/a", "form": "combined", "mode": "0604"}]),
            "outputs[0].mode: the mode 0604 lets everyone read the private key",
        ),
        (
            json!([{"path": "/e/a", "form": "leaf", "mode": "0666"}]),
            "outputs[0].mode: the mode 0666 lets everyone write",
        ),
        (
            json!([{"path": "/e/a", "form": "raw", "mode": "0700"}]),
            "outputs[0].mode: the mode 0700 makes the file a program",
        ),
        (
            json!([{"directory": "/e/a", "mode": "0644", "files": [{"name": "k", "form": "raw"}]}]),
            "outputs[0].files[0]: the mode 0644 lets everyone read",
        ),
        (
            json!([{"directory": "/e/a", "form": "leaf", "files": [{"name": "k", "form": "raw"}]}]),
            "outputs[0].form: belongs to each of the directory's files: move it there",
        ),
        (
            json!([{"directory": "/e/a", "files": [
                {"name": "k", "form": "raw"}, {"name": "k", "form": "leaf"}]}]),
            "outputs[0].files[1].name: there is a file k already",
        ),
        (
            json!([{"path": "/e/a", "form": "combined", "passwordFile": "/e/p"}]),
            "outputs[0].passwordFile: goes with the form pkcs12 only",
        ),
    ] {
        let (read, _, problems) = outputs(value.clone());
        assert!(read.is_empty(), "{value}");
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains(sentence), "{problems:?}");
    }
}

#[test]
fn a_misspelt_key_is_warned_about_with_the_nearest_known_one() {
    let (_, warnings, _) = outputs(json!([{"path": "/e/a", "form": "leaf", "acl": [], "x": 1}]));
    let expected = [
        "outputs[0].acl: unknown key, ignored: did you mean acls?",
        "outputs[0].x: unknown key, ignored",
    ];
    assert_eq!(warnings, expected);
}
