//! What a call has sent that nobody may read: its session token, an external ID, an ID token. An
//! error may repeat it, as AWS does with a request whose signature is wrong, and errors are shown.

use std::ops::Range;
use std::slice;

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use percent_encoding::percent_decode_str;

use super::decoded::Decoded;
use super::secrets::Secrets;
use super::structure::names_and_codes;
use crate::id::AccountId;

/// A header, and the parameters of STS.
const TOKEN: &str = "x-amz-security-token";
const PARAMETERS: [&str; 2] = ["ExternalId=", "WebIdentityToken="];
/// What is shorter is no secret, and may be part of any sentence.
const SHORTEST: usize = 6;
const HIDDEN: &str = "(hidden)";

/// Where an error has its code, if not in its body.
const CODE_HEADER: &str = "x-amzn-errortype";

/// The secrets of one call: what it has sent, and what the run was given.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sent(Vec<String>);

impl Sent {
    pub(super) fn of(request: &HttpRequest, given: &Secrets) -> Self {
        let mut sent = Self::default();
        for secret in given.all() {
            sent.add(&secret);
        }
        sent.add(request.headers().get(TOKEN).unwrap_or_default());
        let body = request.body().bytes().unwrap_or_default();
        let body = String::from_utf8_lossy(body);
        for parameter in body.split('&') {
            let values = PARAMETERS.iter();
            for value in values.filter_map(|name| parameter.strip_prefix(name)) {
                sent.add(&percent_decode_str(value).decode_utf8_lossy());
            }
        }
        sent
    }

    fn add(&mut self, secret: &str) {
        // Who uses an account ID as external ID keeps no secret, and every ARN has one.
        let is_account = secret.parse::<AccountId>().is_ok();
        let is_new = !self.0.iter().any(|known| known == secret);
        if is_new && secret.chars().count() >= SHORTEST && !is_account {
            self.0.push(secret.to_owned());
        }
    }

    /// The body of an error without them; `None` if it has none of them.
    pub(super) fn hide_in(&self, body: &[u8]) -> Option<Vec<u8>> {
        if self.0.is_empty() {
            return None;
        }
        let text = String::from_utf8_lossy(body);
        self.hide(&text, &names_and_codes(&text))
            .map(String::into_bytes)
    }

    /// Takes them out of the headers of an error.
    pub(super) fn hide_in_headers(&self, answer: &mut HttpResponse) {
        let hide = |(name, value): (&str, &str)| {
            let code = if name == CODE_HEADER { value.len() } else { 0 };
            let hidden = self.hide(value, slice::from_ref(&(0..code)))?;
            Some((name.to_owned(), hidden))
        };
        let hidden: Vec<_> = answer.headers().iter().filter_map(hide).collect();
        for (name, value) in hidden {
            answer.headers_mut().insert(name, value);
        }
    }

    /// The text without them; `None` if it has none of them but in what stays, which is in order.
    fn hide(&self, text: &str, stays: &[Range<usize>]) -> Option<String> {
        let decoded = Decoded::of(text);
        let mut places: Vec<_> = self.0.iter().flat_map(|it| decoded.find(it)).collect();
        places.retain(|place| {
            let before = stays.partition_point(|it| it.start <= place.start);
            let within = before.checked_sub(1).and_then(|last| stays.get(last));
            let is_within = within.is_some_and(|it| place.end <= it.end);
            !(is_within && is_code(&text[place.clone()]))
        });
        places.sort_by_key(|place| place.start);
        let (mut hidden, mut end) = (String::with_capacity(text.len()), 0);
        for place in &places {
            // A secret may hold another.
            if place.start >= end {
                hidden += &text[end..place.start];
                hidden += HIDDEN;
            }
            end = end.max(place.end);
        }
        hidden += &text[end..];
        (!places.is_empty()).then_some(hidden)
    }
}

/// Whether the text may be the name of an element, or an error's code: no session has such a token.
fn is_code(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphabetic() || c == '.')
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;
    use proptest::prelude::*;

    use super::*;

    fn request(token: &'static str, body: &str) -> HttpRequest {
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.headers_mut().insert(TOKEN, token);
        request
    }

    fn hidden(sent: &Sent, answer: &str) -> String {
        let hidden = sent.hide_in(answer.as_bytes());
        hidden.map_or(answer.to_owned(), |it| String::from_utf8(it).unwrap())
    }

    #[test]
    fn what_was_sent_is_hidden_in_every_form() {
        let body = "Action=AssumeRole&ExternalId=top%2Fsecret%26more&DurationSeconds=900";
        let given = Secrets::default();
        given.add("onlyletters");
        let sent = Sent::of(&request("IQoJb3JpZ2lu/x==", body), &given);
        let forms = [
            "IQoJb3JpZ2lu/x==",
            r"IQoJb3JpZ2lu\/x==",
            r"IQoJb3JpZ2lu\u002fx\u003d=",
            "IQoJb3JpZ2lu&#x2f;x&#61;=",
            "IQoJb3JpZ2lu%2fx%3D%3d",
            "IQoJb3JpZ2lu%252Fx==",
            "IQOJB3JPZ2LU/X==",
            "top/secret&more",
            "top/secret&amp;more",
            "top%2Fsecret%26more",
            "onlyletters",
        ];
        for form in forms {
            for (begin, end) in [
                ("<M>token ", " here</M>"),
                ("<M>", " -> bad</M>"),
                ("<M><![CDATA[", "]]></M>"),
                ("<M><![CDATA[a <", "]]></M>"),
                ("<M>\":\"", "\":</M>"),
                ("<M>\"code\":\"", "\"</M>"),
                (r#"{"message":"a <"#, r#"> b"}"#),
                (r#"{"message":"<Code>"#, r#"</Code>"}"#),
                (r#"{"message":""#, r#""}"#),
                (r#"{"message":"a < b: "#, r#" => bad"}"#),
                (r#"{"message":"canonical:\n"#, r#"\nhost:sts"}"#),
                (r#"{"message":"\t"#, r#"\tend"}"#),
                (r#"<a href="/?t="#, r#"">x</a>"#),
            ] {
                let answer = format!("{begin}{form}{end}");
                assert_eq!(hidden(&sent, &answer), format!("{begin}(hidden){end}"));
            }
            let mut answer = HttpResponse::new(400.try_into().unwrap(), SdkBody::empty());
            let code_may_stay = is_code(form);
            for (begin, end) in [("<Code>", "</Code>"), (r#"{"__type":""#, r#""}"#)] {
                let shown = if code_may_stay { form } else { HIDDEN };
                let answer = format!("{begin}{form}{end}");
                assert_eq!(hidden(&sent, &answer), format!("{begin}{shown}{end}"));
            }
            let names = [CODE_HEADER, "x-amzn-requestid"];
            for name in names.into_iter().skip(usize::from(code_may_stay)) {
                answer.headers_mut().insert(name, form.to_owned());
            }
            sent.hide_in_headers(&mut answer);
            for (name, value) in answer.headers() {
                assert_eq!(value, HIDDEN, "{name}");
            }
        }
        assert_eq!(sent.hide_in(b"<M>nothing of it</M>"), None);
    }

    #[test]
    fn what_is_no_secret_stays() {
        let external = |id: &str| {
            let body = format!("Action=AssumeRole&ExternalId={id}");
            Sent::of(&request("Message", &body), &Secrets::default())
        };
        for (id, answer, expected) in [
            (
                "Error",
                "<Error><Message>Error: Message</Message></Error>",
                "<Error><Message>Error: (hidden)</Message></Error>",
            ),
            (
                "222222222222",
                "<M>arn:aws:iam::222222222222:role/consumer</M>",
                "<M>arn:aws:iam::222222222222:role/consumer</M>",
            ),
            (
                "AccessDenied",
                "<Code>AccessDenied</Code><M>AccessDenied, denied</M>",
                "<Code>AccessDenied</Code><M>(hidden), denied</M>",
            ),
            (
                "AccessDenied",
                r#"{"__type":"AccessDenied","message":"AccessDenied"}"#,
                r#"{"__type":"AccessDenied","message":"(hidden)"}"#,
            ),
            (
                "AccessDenied",
                r#"{"Code": "com.aws.v1#AccessDenied", "Message": "AccessDenied"}"#,
                r#"{"Code": "com.aws.v1#AccessDenied", "Message": "(hidden)"}"#,
            ),
            (
                "consumer",
                "<M>role/consumers, my-consumer, consumer</M>",
                "<M>role/consumers, my-consumer, (hidden)</M>",
            ),
        ] {
            assert_eq!(hidden(&external(id), answer), expected);
        }
        let mut answer = HttpResponse::new(403.try_into().unwrap(), SdkBody::empty());
        answer.headers_mut().insert(CODE_HEADER, "AccessDenied");
        external("AccessDenied").hide_in_headers(&mut answer);
        assert_eq!(answer.headers().get(CODE_HEADER), Some("AccessDenied"));
        let none = Sent::of(&HttpRequest::empty(), &Secrets::default());
        assert_eq!(none, Sent::default());
    }

    proptest! {
        #[test]
        fn any_error_is_looked_at(pieces in proptest::collection::vec(0..PIECES.len(), 0..12)) {
            let body: String = pieces.into_iter().map(|piece| PIECES[piece]).collect();
            let sent = Sent::of(&request("IQoJb3JpZ2lu", ""), &Secrets::default());
            let hidden = hidden(&sent, &body);
            prop_assert!(Decoded::of(&hidden).find("IQoJb3JpZ2lu").is_empty(), "{hidden}");
        }
    }

    /// What bodies of errors are made of, whole and cut off.
    const PIECES: &[&str] = &[
        "<",
        ">",
        "</",
        "<Code>",
        "</Code>",
        "<![CDATA[",
        "]]>",
        "{",
        "\"",
        "\":",
        "\\",
        "\"code\":\"",
        "&#x",
        "&amp;",
        ";",
        "%",
        "%2",
        "\\u00",
        "\u{e9}",
        " ",
        "IQoJb3JpZ2lu",
        "x",
    ];
}
