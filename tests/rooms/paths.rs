//! The rooms that a file names, by the tokens of its paths: comments and texts do not count, and
//! neither do test modules.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A path that leaves the file's own module.
pub(crate) struct Named {
    /// The first part below the root of the crate.
    pub(crate) room: String,
    pub(crate) path: String,
}

/// Every path that begins with `crate`, or climbs to the root by `super`.
pub(crate) fn named_paths(module: &[&str], text: &str) -> Vec<Named> {
    let tokens: TokenStream = text.parse().unwrap();
    let mut named = Vec::new();
    collect(module.len(), tokens, &mut named);
    named
}

/// Collects the paths of a module that is `depth` modules below the root.
fn collect(depth: usize, tokens: TokenStream, named: &mut Vec<Named>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        if is_test_attribute(&tokens[at..]) {
            at = end_of_item(&tokens, at);
            continue;
        }
        if let Some(inside) = inline_module(&tokens[at..]) {
            collect(depth + 1, inside, named);
            at += 3;
            continue;
        }
        let (length, climbed) = climb(&tokens[at..]);
        if climbed == Some(depth) || climbed == Some(usize::MAX) {
            name_rooms(&tokens[at + length..], named);
        }
        if let TokenTree::Group(group) = &tokens[at] {
            collect(depth, group.stream(), named);
        }
        at += length.max(1);
    }
}

/// How many tokens `crate ::` or `super :: super ::` take, and how many modules they climb;
/// `crate` climbs all.
fn climb(tokens: &[TokenTree]) -> (usize, Option<usize>) {
    let (mut length, mut climbed) = (0, 0);
    while is_ident(tokens.get(length), "super") && is_colons(&tokens[length + 1..]) {
        length += 3;
        climbed += 1;
    }
    if climbed > 0 {
        return (length, Some(climbed));
    }
    if is_ident(tokens.first(), "crate") && is_colons(&tokens[1..]) {
        return (3, Some(usize::MAX));
    }
    (0, None)
}

/// The rooms at the start of what follows: one name, or a group of them.
fn name_rooms(tokens: &[TokenTree], named: &mut Vec<Named>) {
    match tokens.first() {
        Some(TokenTree::Ident(room)) => named.push(Named {
            room: room.to_string(),
            path: format!("crate::{room}"),
        }),
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
            let mut starts = true;
            for token in group.stream() {
                if starts {
                    name_rooms(std::slice::from_ref(&token), named);
                }
                starts = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == ',');
            }
        }
        _ => {}
    }
}

/// The content of `mod name { … }` at the start of the tokens.
fn inline_module(tokens: &[TokenTree]) -> Option<TokenStream> {
    match tokens {
        [word, TokenTree::Ident(_), TokenTree::Group(group), ..] if is_ident(Some(word), "mod") => {
            Some(group.stream())
        }
        _ => None,
    }
}

/// `#[cfg(test)]` at the start of the tokens.
fn is_test_attribute(tokens: &[TokenTree]) -> bool {
    match tokens {
        [TokenTree::Punct(hash), TokenTree::Group(group), ..] => {
            hash.as_char() == '#' && group.stream().to_string().replace(' ', "") == "cfg(test)"
        }
        _ => false,
    }
}

/// Where the item after an attribute ends: at its braces, or at a semicolon.
fn end_of_item(tokens: &[TokenTree], attribute: usize) -> usize {
    let mut at = attribute + 2;
    while at < tokens.len() {
        let ends = match &tokens[at] {
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
            TokenTree::Punct(punct) => punct.as_char() == ';',
            _ => false,
        };
        at += 1;
        if ends {
            break;
        }
    }
    at
}

fn is_ident(token: Option<&TokenTree>, text: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if ident == text)
}

fn is_colons(tokens: &[TokenTree]) -> bool {
    let is_colon = |token: Option<&TokenTree>| matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    is_colon(tokens.first()) && is_colon(tokens.get(1))
}
