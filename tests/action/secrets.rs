//! Values that nobody needs are in no exit, whatever goes wrong.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::support::*;

const SECRET: &str = "hunter2-zq7";

/// How a secret enters a run: variables, and files that they name as `{folder}/…`.
struct Row {
    name: &'static str,
    variables: &'static [(&'static str, &'static str)],
    files: &'static [(&'static str, &'static str)],
    /// The end of the run.
    status: i32,
}

const NO_KEYS: (&str, &str) = ("AWS_ACCESS_KEY_ID", "");

const ROWS: &[Row] = &[
    Row {
        name: "errors of a program that gives credentials",
        variables: &[NO_KEYS, ("AWS_CONFIG_FILE", "{folder}/config")],
        files: &[
            (
                "config",
                "[default]\ncredential_process = {folder}/program\n",
            ),
            ("program", "#!/bin/sh\necho {secret} >&2\nexit 1\n"),
        ],
        status: 1,
    },
    Row {
        name: "output of a program that gives no credentials",
        variables: &[NO_KEYS, ("AWS_CONFIG_FILE", "{folder}/config")],
        files: &[
            (
                "config",
                "[default]\ncredential_process = {folder}/program\n",
            ),
            (
                "program",
                "#!/bin/sh\necho '{\"Version\": 1, \"Token\": \"{secret}\"}'\n",
            ),
        ],
        status: 1,
    },
    Row {
        name: "command line of a program that gives credentials",
        variables: &[NO_KEYS, ("AWS_CONFIG_FILE", "{folder}/config")],
        files: &[(
            "config",
            "[default]\ncredential_process = /no/such/program {secret}\n",
        )],
        status: 1,
    },
    Row {
        name: "profile that cannot be read",
        variables: &[NO_KEYS, ("AWS_CONFIG_FILE", "{folder}/config")],
        files: &[(
            "config",
            "[default]\naws_secret_access_key {secret}\n[{secret}\n",
        )],
        status: 1,
    },
    Row {
        name: "keys that AWS does not know",
        variables: &[
            ("AWS_ACCESS_KEY_ID", "AKIAUNKNOWN"),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
            ("AWS_SESSION_TOKEN", SECRET),
        ],
        files: &[],
        status: 1,
    },
    Row {
        name: "session token with the end of a line",
        variables: &[("AWS_SESSION_TOKEN", "{secret}\nx")],
        files: &[],
        status: 1,
    },
    Row {
        name: "token that is no token",
        variables: &[
            NO_KEYS,
            ("AWS_ROLE_ARN", "arn:aws:iam::111111111111:role/publisher"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "{folder}/token"),
        ],
        files: &[("token", "{secret}")],
        status: 1,
    },
    Row {
        name: "request for an ID token that nobody answers",
        variables: &[
            NO_KEYS,
            (
                "INPUT_ROLE-TO-ASSUME",
                "arn:aws:iam::111111111111:role/publisher",
            ),
            (
                "ACTIONS_ID_TOKEN_REQUEST_URL",
                "http://127.0.0.1:1/{secret}?job={secret}",
            ),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", SECRET),
        ],
        files: &[],
        status: 1,
    },
    Row {
        name: "request for an ID token to another host",
        variables: &[
            NO_KEYS,
            (
                "INPUT_ROLE-TO-ASSUME",
                "arn:aws:iam::111111111111:role/publisher",
            ),
            (
                "ACTIONS_ID_TOKEN_REQUEST_URL",
                "http://job:{secret}@127.0.0.1:1/",
            ),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "{secret}\n"),
        ],
        files: &[],
        status: 2,
    },
    Row {
        name: "place of credentials",
        variables: &[
            NO_KEYS,
            (
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                "http://127.0.0.1:1/?token={secret}",
            ),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", SECRET),
        ],
        files: &[],
        status: 1,
    },
    Row {
        name: "endpoint that nobody answers at",
        variables: &[(
            "AWS_ENDPOINT_URL",
            "http://user:{secret}@127.0.0.1:1/?token={secret}",
        )],
        files: &[],
        status: 1,
    },
    Row {
        name: "endpoint that is no address",
        variables: &[("AWS_ENDPOINT_URL", "{secret}://[")],
        files: &[],
        status: 1,
    },
    Row {
        name: "proxy that nobody answers at",
        variables: &[("HTTP_PROXY", "http://user:{secret}@127.0.0.1:1")],
        files: &[],
        status: 1,
    },
    Row {
        name: "external ID of a role that cannot be assumed",
        variables: &[
            ("INPUT_TARGET-ROLE", "consumer"),
            ("INPUT_TARGET-EXTERNAL-ID", SECRET),
        ],
        files: &[],
        status: 1,
    },
    Row {
        name: "external ID of a wrong form",
        variables: &[
            ("INPUT_TARGET-ROLE", "consumer"),
            ("INPUT_TARGET-EXTERNAL-ID", "{secret} $"),
        ],
        files: &[],
        status: 2,
    },
    Row {
        name: "external ID without a role, in two spellings",
        variables: &[
            ("INPUT_TARGET-EXTERNAL-ID", SECRET),
            ("INPUT_TARGET_EXTERNAL_ID", "another-{secret}"),
        ],
        files: &[],
        status: 2,
    },
    Row {
        name: "variables that are not ours",
        variables: &[("INPUT_TOKEN", SECRET), ("AWS_SECRET", SECRET)],
        files: &[],
        status: 0,
    },
];

/// AWS repeats a request whose signature is wrong, with the session token in it; what answers in
/// its place may repeat anything.
#[tokio::test(flavor = "multi_thread")]
async fn secret_that_an_answer_repeats_is_in_no_exit() {
    let mut wrong = Vec::new();
    // Blank variables are as good as none.
    for (operation, code, token) in [
        ("sts:AssumeRole", "AccessDenied", ""),
        ("sts:AssumeRole", "ValidationError", ""),
        ("sts:GetCallerIdentity", "SignatureDoesNotMatch", SECRET),
        ("sts:GetCallerIdentity", "ExpiredToken", SECRET),
    ] {
        let message = format!("x-amz-security-token:{SECRET} for {SECRET}");
        let error = json!({ "status": 403, "code": code, "message": message });
        let fault = json!({ "operation": operation, "effect": { "error": error } });
        let stage = Stage::set(1).await;
        stage.sim.fault(serde_json::from_value(fault).unwrap());
        let image = stage.image("golden");
        let report = stage.path("report").display().to_string();
        let run = stage.run_on_github(&[
            ("INPUT_AMI-ID", &image),
            ("INPUT_TARGET-ACCOUNTS", B),
            ("INPUT_TARGET-ROLE", "consumer"),
            ("INPUT_TARGET-EXTERNAL-ID", SECRET),
            ("INPUT_REPORT-PATH", &report),
            ("AWS_SESSION_TOKEN", token),
            ("RUNNER_DEBUG", "1"),
        ]);
        let report = std::fs::read_to_string(&report).unwrap_or_default();
        let all = format!("{}{}{:?}{report}", run.log, run.summary, run.outputs);
        if all.contains(SECRET) || !all.contains("(hidden)") {
            wrong.push(format!("{operation}: {} {}", run.status, run.log));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The SDK's own sources of credentials call STS too.
#[tokio::test(flavor = "multi_thread")]
async fn secret_that_an_answer_to_the_sdk_itself_repeats_is_in_no_exit() {
    let message = format!("bad token {SECRET} here");
    let error = json!({ "status": 400, "code": "InvalidIdentityToken", "message": message });
    let operation = "sts:AssumeRoleWithWebIdentity";
    let fault = json!({ "operation": operation, "effect": { "error": error } });
    let stage = Stage::set(1).await;
    stage.sim.fault(serde_json::from_value(fault).unwrap());
    let (image, token) = (stage.image("golden"), stage.path("token"));
    std::fs::write(&token, SECRET).unwrap();
    let token = token.display().to_string();
    let run = stage.run_on_github(&[
        ("INPUT_AMI-ID", &image),
        ("INPUT_TARGET-ACCOUNTS", B),
        NO_KEYS,
        ("AWS_ROLE_ARN", "arn:aws:iam::111111111111:role/publisher"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", &token),
        ("AWS_MAX_ATTEMPTS", "1"),
    ]);
    let all = format!("{}{}{:?}", run.log, run.summary, run.outputs);
    assert!(all.contains("bad token (hidden) here"), "{all}");
    assert!(!all.contains(SECRET), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn secret_is_in_no_exit() {
    let mut wrong = Vec::new();
    for row in ROWS {
        let stage = Stage::set(1).await;
        let folder = stage.folder.path().display().to_string();
        let fill = |text: &str| {
            text.replace("{folder}", &folder)
                .replace("{secret}", SECRET)
        };
        for (name, text) in row.files {
            let path = stage.path(name);
            std::fs::write(&path, fill(text)).unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        }
        let mut env = vec![
            ("INPUT_AMI-ID", stage.image("golden")),
            ("INPUT_TARGET-ACCOUNTS", B.to_owned()),
            (
                "INPUT_REPORT-PATH",
                stage.path("report").display().to_string(),
            ),
            ("AWS_MAX_ATTEMPTS", "1".to_owned()),
        ];
        env.extend(
            row.variables
                .iter()
                .map(|(name, value)| (*name, fill(value))),
        );
        let env: Vec<(&str, &str)> = env
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let run = stage.run_on_github(&env);
        let report = std::fs::read_to_string(stage.path("report")).unwrap_or_default();
        let all = format!("{}{}{:?}{report}", run.log, run.summary, run.outputs);
        if run.status != row.status || all.contains(SECRET) || all.contains("panicked") {
            wrong.push(format!("{}: {} {}", row.name, run.status, run.log));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
