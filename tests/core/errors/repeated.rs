//! What an error of AWS repeats that nobody may read is in no error of ours, to whatever call and
//! in whatever form; and no more than that is hidden.

use std::fmt::Write as _;

use ami_share::Sharer;
use ami_share::request::TargetOptions;
use ami_share_sim::Scenario;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;

use crate::github::{build_world, configure_role};
use crate::support::*;

const EXTERNAL_ID: &str = "top/Secret+id:17=";

/// What is repeated: the token of the call itself, or the external ID of the run.
#[derive(Clone, Copy, Debug)]
enum Secret {
    SessionToken,
    ExternalId,
}

/// A form of a secret, and whether it is one in JSON alone.
type Form = (&'static str, fn(&str) -> String, bool);

const FORMS: [Form; 11] = [
    ("plain", str::to_owned, false),
    ("JSON, short", |it| it.replace('/', r"\/"), true),
    ("JSON", |it| encode(it, |c| format!(r"\u{c:04x}")), true),
    (
        "JSON, upper",
        |it| encode(it, |c| format!(r"\u{c:04X}")),
        true,
    ),
    ("XML", |it| encode(it, |c| format!("&#{c};")), false),
    (
        "XML, hexadecimal",
        |it| encode(it, |c| format!("&#x{c:x};")),
        false,
    ),
    ("percent", |it| encode(it, |c| format!("%{c:02X}")), false),
    (
        "percent, lower",
        |it| encode(it, |c| format!("%{c:02x}")),
        false,
    ),
    ("percent, partly", |it| it.replacen('=', "%3d", 1), false),
    (
        "percent, twice",
        |it| encode(it, |c| format!("%25{c:02x}")),
        false,
    ),
    ("upper case", str::to_ascii_uppercase, false),
];

/// The characters of a secret that are no letters or digits, in another form.
fn encode(secret: &str, form: fn(u32) -> String) -> String {
    let mut text = String::new();
    for c in secret.chars() {
        if c.is_ascii_alphanumeric() {
            text.push(c);
        } else {
            text += &form(c.into());
        }
    }
    text
}

/// A call that fails, as IAM and as AWS's protocols name it, and its answer around a message.
type Place = (&'static str, &'static str, [&'static str; 2]);

const PLACES: [Place; 3] = [
    (
        "ec2:DescribeImages",
        "Action=DescribeImages&",
        [
            "<Response><Errors><Error><Code>InvalidX</Code><Message>",
            "</Message></Error></Errors><RequestID>r-1</RequestID></Response>",
        ],
    ),
    (
        "kms:DescribeKey",
        "TrentService.DescribeKey",
        [r#"{"__type":"InvalidX","message":""#, r#""}"#],
    ),
    (
        "sts:GetCallerIdentity",
        "Action=GetCallerIdentity&",
        [
            "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidX</Code><Message>",
            "</Message></Error></ErrorResponse>",
        ],
    ),
];

/// A client to whose calls of one kind something answers that repeats a secret.
#[derive(Clone, Debug)]
struct Repeats {
    inner: SharedHttpClient,
    place: Place,
    secret: Secret,
    form: fn(&str) -> String,
}

impl Repeats {
    fn answer(&self, request: &HttpRequest) -> Option<String> {
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default());
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let (_, call, [begin, end]) = self.place;
        if !body.contains(call) && target != call {
            return None;
        }
        let form = match self.secret {
            Secret::SessionToken => {
                (self.form)(request.headers().get("x-amz-security-token").unwrap())
            }
            Secret::ExternalId => (self.form)(EXTERNAL_ID),
        };
        Some(format!("{begin}begin-of-it {form} end-of-it{end}"))
    }
}

impl HttpClient for Repeats {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            repeats: self.clone(),
            inner: self.inner.http_connector(settings, components),
        })
    }
}

#[derive(Debug)]
struct Connector {
    repeats: Repeats,
    inner: SharedHttpConnector,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        match self.repeats.answer(&request) {
            None => self.inner.call(request),
            Some(body) => {
                let answer = HttpResponse::new(400.try_into().unwrap(), SdkBody::from(body));
                HttpConnectorFuture::ready(Ok(answer))
            }
        }
    }
}

/// Everything that the errors of a dry run say.
async fn errors(place: Place, secret: Secret, form: fn(&str) -> String) -> String {
    let world = build_world(std::time::Duration::ZERO);
    let role = "consumer".parse().unwrap();
    let options = TargetOptions::default().role(role).external_id(EXTERNAL_ID);
    let request = world.build_copy_request(&["plain"]).target_options(options);
    let request = request.build().unwrap();
    let config = configure_role(&world, &request);
    let inner = config.http_client().unwrap();
    let repeats = Repeats {
        inner,
        place,
        secret,
        form,
    };
    let client = SharedHttpClient::new(repeats);
    let sharer = Sharer::new(&config.to_builder().http_client(client).build());
    let errors = match sharer.preview(&request).await {
        Ok(plan) => plan.errors,
        Err(errors) => errors.iter().cloned().collect(),
    };
    let mut text = String::new();
    for error in errors.iter().filter(|error| error.action == Some(place.0)) {
        let json = serde_json::to_string(error).unwrap();
        writeln!(text, "{error}\n{error:?}\n{json}").unwrap();
    }
    text
}

#[tokio::test(start_paused = true)]
async fn repeated_secret_is_hidden_in_every_form_and_answer_to_any_call() {
    let (mut wrong, mut cases) = (Vec::new(), 0);
    for place in PLACES {
        let is_json = place.2[0].starts_with('{');
        for (name, form, in_json_only) in FORMS {
            if in_json_only && !is_json {
                continue;
            }
            for secret in [Secret::SessionToken, Secret::ExternalId] {
                cases += 1;
                let text = errors(place, secret, form).await;
                let repeated = text.matches("begin-of-it").count();
                let hidden = text.matches("begin-of-it (hidden) end-of-it").count();
                if repeated == 0 || hidden != repeated {
                    wrong.push(format!("{} {secret:?} {name}: {text}", place.0));
                }
            }
        }
    }
    assert_eq!(cases, 2 * (3 * 8 + 3));
    assert!(
        wrong.is_empty(),
        "{} of {cases}: {}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// An account ID is a common external ID, and a code is what errors are told apart by.
#[tokio::test(start_paused = true)]
async fn external_id_that_is_no_secret_or_a_code_hides_nothing_that_matters() {
    let denied = "AccessDenied: User: arn:aws:iam::111111111111:";
    let role = "arn:aws:iam::222222222222:role/consumer";
    for id in [B, "AccessDenied", "not-the-one"] {
        let world = World::from_scenario(Scenario::two_accounts());
        let options = with_target_role().external_id(id);
        let request = world.build_request(&["golden"]).target_options(options);
        let sharer = Sharer::new(&world.config(A));
        let plan = sharer.preview(&request.build().unwrap()).await.unwrap();
        let errors: Vec<_> = plan.errors.iter().map(ToString::to_string).collect();
        let findings = plan.findings.iter().map(|finding| &finding.message);
        let text: Vec<&String> = findings.chain(&errors).collect();
        let text = format!("{text:?}");
        assert!(text.contains(denied), "{id}: {text}");
        assert!(
            text.contains(&format!("on resource: {role}")),
            "{id}: {text}"
        );
        assert!(!text.contains("(hidden)"), "{id}: {text}");
    }
}
