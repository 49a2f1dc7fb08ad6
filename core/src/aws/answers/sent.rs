//! What a call has sent that nobody may read: its session token, an external ID, an ID token. An
//! error may repeat it, as AWS does with a request whose signature is wrong, and errors are shown.

use std::ops::Range;

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use percent_encoding::percent_decode_str;

use super::decoded::Decoded;
use crate::id::AccountId;

/// A header, and the parameters of STS.
const TOKEN: &str = "x-amz-security-token";
const PARAMETERS: [&str; 2] = ["ExternalId=", "WebIdentityToken="];
/// What is shorter is no secret, and may be part of any sentence.
const SHORTEST: usize = 6;
const HIDDEN: &str = "(hidden)";

/// Where an error has its code, by which it is told from others: what is there stays, even if it is
/// the same word.
const CODES: [(&str, &str); 4] = [
    ("<Code>", "</Code>"),
    ("\"__type\":\"", "\""),
    ("\"code\":\"", "\""),
    ("\"Code\":\"", "\""),
];
const CODE_HEADER: &str = "x-amzn-errortype";

/// The secrets of one call.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sent(Vec<String>);

impl Sent {
    pub(super) fn of(request: &HttpRequest) -> Self {
        let mut sent = Self::default();
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
        if secret.chars().count() >= SHORTEST && !is_account {
            self.0.push(secret.to_owned());
        }
    }

    /// The body of an error without them; `None` if it has none of them.
    pub(super) fn hide_in(&self, body: &[u8]) -> Option<Vec<u8>> {
        if self.0.is_empty() {
            return None;
        }
        let text = String::from_utf8_lossy(body);
        self.hide(&text, &codes_in(&text)).map(String::into_bytes)
    }

    /// Takes them out of the headers of an error.
    pub(super) fn hide_in_headers(&self, answer: &mut HttpResponse) {
        let headers = answer.headers().iter();
        let hidden: Vec<_> = headers
            .filter(|(name, value)| *name != CODE_HEADER || !is_code(value))
            .filter_map(|(name, value)| Some((name.to_owned(), self.hide(value, &[])?)))
            .collect();
        for (name, value) in hidden {
            answer.headers_mut().insert(name, value);
        }
    }

    /// The text without them; `None` if it has none of them but in what stays.
    fn hide(&self, text: &str, stays: &[Range<usize>]) -> Option<String> {
        let decoded = Decoded::of(text);
        let mut places: Vec<_> = self.0.iter().flat_map(|it| decoded.find(it)).collect();
        places.retain(|place| !stays.iter().any(|it| it.contains(&place.start)));
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

/// Where the text has codes of errors, and names of elements or members.
fn codes_in(text: &str) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    for (begin, end) in CODES {
        for (at, _) in text.match_indices(begin) {
            let from = at + begin.len();
            let code = text[from..].split(end).next().unwrap_or_default();
            if is_code(code) {
                places.push(from..from + code.len());
            }
        }
    }
    if text.trim_start().starts_with(['{', '[']) {
        for (end, _) in text.match_indices("\":") {
            let name = text[..end].rsplit('"').next().unwrap_or_default();
            if is_code(name) {
                places.push(end - name.len()..end);
            }
        }
    } else {
        for (at, _) in text.match_indices('<') {
            let is_name = |c: char| c.is_ascii_alphabetic() || c == '/';
            let name = text[at + 1..].split(|c| !is_name(c)).next();
            places.push(at..at + 1 + name.unwrap_or_default().len());
        }
    }
    places
}

fn is_code(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphabetic() || c == '.')
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;

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
        let sent = Sent::of(&request("IQoJb3JpZ2lu/x==", body));
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
        ];
        for form in forms {
            for (begin, end) in [
                ("<M>token ", " here</M>"),
                ("<M>", " -> bad</M>"),
                ("<M><![CDATA[", "]]></M>"),
                (r#"{"message":""#, r#""}"#),
                (r#"{"message":"a < b: "#, r#" => bad"}"#),
                (r#"{"message":"canonical:\n"#, r#"\nhost:sts"}"#),
                (r#"<a href="/?t="#, r#"">x</a>"#),
            ] {
                let answer = format!("{begin}{form}{end}");
                assert_eq!(hidden(&sent, &answer), format!("{begin}(hidden){end}"));
            }
            let mut answer = HttpResponse::new(400.try_into().unwrap(), SdkBody::empty());
            for name in [CODE_HEADER, "x-amzn-requestid"] {
                answer.headers_mut().insert(name, form.to_owned());
            }
            sent.hide_in_headers(&mut answer);
            for (name, value) in answer.headers().iter() {
                assert_eq!(value, HIDDEN, "{name}");
            }
        }
        assert_eq!(sent.hide_in(b"<M>nothing of it</M>"), None);
    }

    #[test]
    fn what_is_no_secret_stays() {
        let external = |id: &str| {
            let body = format!("Action=AssumeRole&ExternalId={id}");
            Sent::of(&request("Message", &body))
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
        assert_eq!(Sent::of(&HttpRequest::empty()), Sent::default());
    }
}
