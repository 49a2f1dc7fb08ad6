//! The environment as other tools of AWS read it: certificates, blank variables, profiles, proxies,
//! endpoints by FIPS and dual-stack.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt as _, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::support::*;

/// A certificate for `localhost` that nobody else trusts, and its key: `openssl req -x509 -newkey
/// ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 -subj /CN=localhost -addext
/// subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE`.
const CERTIFICATE: &str = include_str!("environment/certificate.pem");
const KEY: &str = include_str!("environment/key.pem");

/// The simulated AWS by TLS on loopback.
async fn serve_by_tls(plain: SocketAddr) -> SocketAddr {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that does not trust the certificate goes away.
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let mut plain = TcpStream::connect(plain).await.unwrap();
                    let _ = copy_bidirectional(&mut stream, &mut plain).await;
                }
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_of_ca_bundle_are_trusted_in_place_of_the_systems() {
    let stage = Stage::set(1).await;
    let address = serve_by_tls(stage.address()).await;
    let bundle = stage.path("bundle.pem");
    std::fs::write(&bundle, CERTIFICATE).unwrap();
    let endpoint = format!("https://localhost:{}", address.port());
    let image_id = stage.image("golden");
    let inputs = [
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_MAX_ATTEMPTS", "1"),
        ("INPUT_AMI-ID", &image_id),
        ("INPUT_TARGET-ACCOUNTS", B),
    ];

    let without = stage.run(&inputs);
    assert_eq!(without.status, 1, "{}", without.log);
    assert!(
        without.log.contains("endpoint.unreachable"),
        "{}",
        without.log
    );
    let trusted = ("AWS_CA_BUNDLE", bundle.to_str().unwrap());
    let run = stage.run(&[&inputs[..], &[trusted]].concat());
    assert_eq!(run.status, 0, "{}", run.log);

    // The profile's own setting does the same.
    let config = stage.path("config");
    let profile = format!("[default]\nca_bundle = {}\n", bundle.display());
    std::fs::write(&config, profile).unwrap();
    let by_profile = ("AWS_CONFIG_FILE", config.to_str().unwrap());
    let run = stage.run(&[&inputs[..], &[by_profile]].concat());
    assert_eq!(run.status, 0, "{}", run.log);
    std::fs::write(&config, "[default]\nmax_attempts = 0\n").unwrap();
    // The variable would win over the profile.
    let without_variable: Vec<_> = inputs
        .into_iter()
        .filter(|(name, _)| *name != "AWS_MAX_ATTEMPTS")
        .collect();
    let run = stage.run(&[&without_variable[..], &[by_profile]].concat());
    assert_eq!(run.status, 2, "{}", run.log);
    assert!(run.log.contains("max_attempts"), "{}", run.log);

    let missing = ("AWS_CA_BUNDLE", "/no/such/bundle.pem");
    let run = stage.run(&[&inputs[..], &[missing]].concat());
    assert_eq!(run.status, 2, "{}", run.log);
    assert!(run.log.contains("AWS_CA_BUNDLE"), "{}", run.log);
}

/// Every one of these changes what the SDK does if it says something.
const BLANK: [&str; 12] = [
    "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE",
    "AWS_ENDPOINT_URL_EC2",
    "AWS_ENDPOINT_URL_KMS",
    "AWS_MAX_ATTEMPTS",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_RETRY_MODE",
    "AWS_ROLE_ARN",
    "AWS_SESSION_TOKEN",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
];

#[tokio::test(flavor = "multi_thread")]
async fn blank_variable_is_no_variable() {
    let stage = Stage::set(1).await;
    let image_id = stage.image("golden");
    for value in ["", " "] {
        let mut env: Vec<(&str, &str)> = BLANK.iter().map(|name| (*name, value)).collect();
        env.extend([
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("HTTPS_PROXY", ""),
            ("INPUT_AMI-ID", image_id.as_str()),
            ("INPUT_TARGET-ACCOUNTS", B),
            ("INPUT_DRY-RUN", "true"),
        ]);
        let run = stage.run(&env);
        assert_eq!(run.status, 0, "{}", run.log);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn blank_profile_is_the_default_profile() {
    let stage = Stage::set(1).await;
    let keys = &stage.sim.facts().accounts[A];
    let (id, secret) = (&keys.access_key_id, &keys.secret_access_key);
    let file = stage.path("credentials");
    let text = format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
    std::fs::write(&file, text).unwrap();
    let run = stage.run(&[
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_PROFILE", ""),
        ("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap()),
        ("INPUT_AMI-ID", &stage.image("golden")),
        ("INPUT_TARGET-ACCOUNTS", B),
    ]);
    assert_eq!(run.status, 0, "{}", run.log);
}

#[tokio::test(flavor = "multi_thread")]
async fn profile_that_signs_in_by_browser_names_the_way_round() {
    let stage = Stage::set(1).await;
    let profiles = [
        "[profile ci]\nsso_session = my\nsso_account_id = 111111111111\nsso_role_name = publisher\n\
         [sso-session my]\nsso_region = us-east-1\nsso_start_url = https://example.com/start\n",
        "[profile ci]\nlogin_session = arn:aws:iam::111111111111:user/publisher\n",
    ];
    for profile in profiles {
        let file = stage.path("config");
        std::fs::write(&file, profile).unwrap();
        let run = stage.run(&[
            ("AWS_ACCESS_KEY_ID", ""),
            ("AWS_SECRET_ACCESS_KEY", ""),
            ("AWS_PROFILE", "ci"),
            ("AWS_CONFIG_FILE", file.to_str().unwrap()),
            ("INPUT_AMI-ID", &stage.image("golden")),
            ("INPUT_TARGET-ACCOUNTS", B),
        ]);
        assert_eq!(run.status, 1, "{}", run.log);
        let way_round = "aws configure export-credentials";
        assert!(run.log.contains(way_round), "{}", run.log);
    }
}

/// A configuration in which the profile `ci` has these lines, and only that.
fn write_profile(stage: &Stage, lines: &str) -> String {
    let file = stage.path("config");
    std::fs::write(&file, format!("[profile ci]\n{lines}\n")).unwrap();
    file.to_str().unwrap().to_owned()
}

fn run_with_profile(stage: &Stage, profile: &str, config: &str) -> Run {
    stage.run(&[
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_REGION", ""),
        ("AWS_PROFILE", profile),
        ("AWS_CONFIG_FILE", config),
        ("INPUT_AMI-ID", &stage.image("golden")),
        ("INPUT_TARGET-ACCOUNTS", B),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn region_of_profile_is_that_of_images_without_one() {
    let stage = Stage::set(1).await;
    let keys = &stage.sim.facts().accounts[A];
    let (id, secret) = (&keys.access_key_id, &keys.secret_access_key);
    let keys = format!("aws_access_key_id = {id}\naws_secret_access_key = {secret}");
    let config = write_profile(&stage, &format!("region = us-east-1\n{keys}"));
    let run = run_with_profile(&stage, "ci", &config);
    assert_eq!(run.status, 0, "{}", run.log);

    let config = write_profile(&stage, &keys);
    let run = run_with_profile(&stage, "ci", &config);
    assert_eq!(run.status, 2, "{}", run.log);
    assert!(run.log.contains("aws-region"), "{}", run.log);
}

/// A source of credentials that is set up and fails is named, without what it prints.
#[tokio::test(flavor = "multi_thread")]
async fn source_of_credentials_that_fails_is_named() {
    let stage = Stage::set(1).await;
    let region = "region = us-east-1";
    let failing = "credential_process = echo the vault is locked >&2; exit 3";
    let table = [
        ("ci", failing.to_owned(), "exit status 3"),
        (
            "ci",
            "credential_process = echo {}".to_owned(),
            "what it printed is no credentials",
        ),
        (
            "ci",
            "credential_process = /no/such/program".to_owned(),
            "exit status 127",
        ),
        (
            "ci",
            "role_arn = arn:aws:iam::111111111111:role/x\nsource_profile = gone".to_owned(),
            "`gone`",
        ),
    ];
    for (profile, lines, says) in table {
        let config = write_profile(&stage, &format!("{region}\n{lines}"));
        let run = run_with_profile(&stage, profile, &config);
        assert_eq!(run.status, 1, "{}", run.log);
        assert!(run.log.contains("credentials.invalid"), "{}", run.log);
        assert!(run.log.contains(says), "{says}: {}", run.log);
        assert!(!run.log.contains("the vault is locked"), "{}", run.log);
        assert!(
            !run.log.contains("no credentials were found"),
            "{}",
            run.log
        );
    }
    // The profile that is asked for does not exist, so nothing names a Region either.
    let config = write_profile(&stage, region);
    let image_id = stage.image("golden");
    let run = stage.run(&[
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_PROFILE", "nope"),
        ("AWS_CONFIG_FILE", &config),
        ("INPUT_AMI-ID", &image_id),
        ("INPUT_TARGET-ACCOUNTS", B),
    ]);
    assert!(run.log.contains("no profile `nope`"), "{}", run.log);
}

/// The first line that a proxy is sent by a run without an endpoint of its own.
async fn read_proxied(stage: &Stage, env: &[(&str, &str)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let asked = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).await.unwrap();
        line
    });
    let image_id = stage.image("golden");
    let all = [
        ("AWS_ENDPOINT_URL", ""),
        ("AWS_MAX_ATTEMPTS", "1"),
        ("HTTPS_PROXY", &proxy),
        ("INPUT_AMI-ID", &image_id),
        ("INPUT_TARGET-ACCOUNTS", B),
    ];
    let run = stage.run(&[&all[..], env].concat());
    assert_eq!(run.status, 1, "{}", run.log);
    asked.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn proxy_fips_and_dual_stack_are_used() {
    let stage = Stage::set(1).await;
    let table: &[(&[(&str, &str)], &str)] = &[
        (&[], "sts.us-east-1.amazonaws.com"),
        (
            &[("AWS_USE_FIPS_ENDPOINT", "true")],
            "sts-fips.us-east-1.amazonaws.com",
        ),
        (
            &[("AWS_USE_DUALSTACK_ENDPOINT", "true")],
            "sts.us-east-1.api.aws",
        ),
    ];
    for (env, host) in table {
        let line = read_proxied(&stage, env).await;
        assert_eq!(line.trim_end(), format!("CONNECT {host}:443 HTTP/1.1"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn proxy_is_left_out_for_hosts_of_no_proxy() {
    let stage = Stage::set(1).await;
    let image_id = stage.image("golden");
    // Nothing listens on port 1.
    let env = [
        ("AWS_MAX_ATTEMPTS", "1"),
        ("HTTP_PROXY", "http://127.0.0.1:1"),
        ("INPUT_AMI-ID", &image_id),
        ("INPUT_TARGET-ACCOUNTS", B),
        ("INPUT_DRY-RUN", "true"),
    ];
    let run = stage.run(&env);
    assert!(run.log.contains("endpoint.unreachable"), "{}", run.log);
    let run = stage.run(&[&env[..], &[("NO_PROXY", "127.0.0.1")]].concat());
    assert_eq!(run.status, 0, "{}", run.log);
}
