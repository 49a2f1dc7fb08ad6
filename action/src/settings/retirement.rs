//! The inputs of `mode: retire`. With another mode they are refused: nobody may take a share for a
//! retirement.

use ami_share::request::{Retire, ShareRequestBuilder};

use super::Mode;
use super::parser::Parser;
use crate::inputs::Raw;

pub(super) fn parse(
    parser: &mut Parser,
    builder: ShareRequestBuilder,
    raw: &Raw,
    mode: Option<Mode>,
) -> ShareRequestBuilder {
    let mut retire = Retire::default();
    for word in parser.words(raw.retire_tags()) {
        let is_new = match word.split_once('=') {
            Some((key, value)) => {
                let known = retire.tags.insert(key.to_owned(), value.to_owned());
                known.is_none()
            }
            None => retire.group_by.insert(word.clone()),
        };
        if !is_new {
            let key = word.split('=').next().unwrap_or_default();
            parser.problem("retire-tags", format!("`{key}` is given twice"));
        }
    }
    retire.keep_last = raw.keep_last().text.and_then(|text| {
        // Zero is a number, and the request says why it is none here.
        let is_zero = text.trim().parse() == Ok(0_usize);
        if is_zero {
            Some(0)
        } else {
            parser.number(raw.keep_last())
        }
    });
    retire.keep_younger = parser.age(raw.keep_younger());
    if let Some(grace) = parser.age(raw.grace()) {
        retire.grace = grace;
    }
    retire.deregister = parser.flag(raw.retire_deregister(), false);
    if mode == Some(Mode::Retire) {
        return builder.retire(retire);
    }
    if mode.is_some() {
        for input in [
            raw.retire_tags(),
            raw.keep_last(),
            raw.keep_younger(),
            raw.grace(),
            raw.retire_deregister(),
        ] {
            if input.text.is_some_and(|text| text != "false") {
                parser.problem(input.name, "needs `mode: retire`");
            }
        }
    }
    builder
}
