//! What a call has sent that nobody may read: its session token, an external ID, an ID token. An
//! error may repeat it, as AWS does with a request whose signature is wrong, and errors are shown.

use std::borrow::Cow;

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use percent_encoding::percent_decode_str;

/// A header, and the parameters of STS.
const TOKEN: &str = "x-amz-security-token";
const PARAMETERS: [&str; 2] = ["ExternalId=", "WebIdentityToken="];
/// What is shorter is no secret, and may be part of any word.
const SHORTEST: usize = 6;
const HIDDEN: &str = "(hidden)";

/// The secrets of one call, in every form in which an answer may repeat them.
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
                sent.add(value);
                sent.add(&percent_decode_str(value).decode_utf8_lossy());
            }
        }
        sent
    }

    fn add(&mut self, secret: &str) {
        if secret.len() < SHORTEST {
            return;
        }
        let xml = secret
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        let json = secret.replace('/', "\\/");
        for form in [secret.to_owned(), xml, json] {
            if !self.0.contains(&form) {
                self.0.push(form);
            }
        }
    }

    /// The body of an error without them; `None` if it has none of them.
    pub(super) fn hide_in(&self, body: &[u8]) -> Option<Vec<u8>> {
        let text = String::from_utf8_lossy(body);
        if !self.0.iter().any(|secret| text.contains(secret)) {
            return None;
        }
        // The name of an element is no secret, even if it is the same word. JSON has none.
        let is_json = text.trim_start().starts_with(['{', '[']);
        let mut hidden = String::with_capacity(text.len());
        let mut begins_tag = false;
        for part in text.split_inclusive('<') {
            let name = if begins_tag && !is_json {
                part.find(|c: char| c.is_whitespace() || c == '>')
                    .unwrap_or(0)
            } else {
                0
            };
            hidden += &part[..name];
            hidden += &self.hide(&part[name..]);
            begins_tag = part.ends_with('<');
        }
        Some(hidden.into_bytes())
    }

    fn hide<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for secret in &self.0 {
            if text.contains(secret) {
                text = Cow::Owned(text.replace(secret, HIDDEN));
            }
        }
        text
    }
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

    #[test]
    fn what_was_sent_is_hidden_in_every_form() {
        let body = "Action=AssumeRole&ExternalId=top%2Fsecret%26more&DurationSeconds=900";
        let sent = Sent::of(&request("IQoJb3JpZ2lu/x==", body));
        for (answer, expected) in [
            (
                "<M>token IQoJb3JpZ2lu/x== here</M>",
                "<M>token (hidden) here</M>",
            ),
            (
                r#"{"message":"IQoJb3JpZ2lu\/x=="}"#,
                r#"{"message":"(hidden)"}"#,
            ),
            ("<M>top/secret&amp;more</M>", "<M>(hidden)</M>"),
            ("<M>top%2Fsecret%26more</M>", "<M>(hidden)</M>"),
            ("<M>IQoJb3JpZ2lu/x== -> bad</M>", "<M>(hidden) -> bad</M>"),
            (
                r#"<a href="/?t=IQoJb3JpZ2lu/x==">x</a>"#,
                r#"<a href="/?t=(hidden)">x</a>"#,
            ),
            (
                r#"{"message":"a < b: IQoJb3JpZ2lu/x== -> bad"}"#,
                r#"{"message":"a < b: (hidden) -> bad"}"#,
            ),
        ] {
            let hidden = sent.hide_in(answer.as_bytes()).unwrap();
            assert_eq!(String::from_utf8(hidden).unwrap(), expected);
        }
        assert_eq!(sent.hide_in(b"<M>nothing of it</M>"), None);
    }

    #[test]
    fn names_and_short_words_stay() {
        let sent = Sent::of(&request("Message", "Action=AssumeRole&ExternalId=Error"));
        let answer = "<Error><Message>Error: Message</Message></Error>";
        let hidden = sent.hide_in(answer.as_bytes()).unwrap();
        let expected = "<Error><Message>Error: (hidden)</Message></Error>";
        assert_eq!(String::from_utf8(hidden).unwrap(), expected);
        assert_eq!(Sent::of(&HttpRequest::empty()), Sent::default());
    }
}
