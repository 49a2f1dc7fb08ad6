//! Pages of lists. A page may have fewer items than were asked for, or none, and still say that
//! more follow: only the absence of a token ends a list (R7.30).

use super::Request;

/// Which items a page has.
pub(super) struct Page {
    start: usize,
    size: usize,
}

impl Page {
    /// The page that a token begins; `None` for a token that is not one of ours. With short pages
    /// the first one is empty, and each of the others has one item.
    pub(super) fn of(token: Option<&str>, size: usize, request: &Request<'_>) -> Option<Self> {
        let start = match token {
            Some(token) => token.strip_prefix("from-")?.parse().ok()?,
            None => 0,
        };
        let size = match (request.options.short_pages, token) {
            (false, _) => size,
            (true, None) => 0,
            (true, Some(_)) => 1,
        };
        Some(Self { start, size })
    }

    /// Takes the page, and no more of the items than that needs, with the token of the next one.
    ///
    /// # Errors
    /// The first error among the items of the page.
    pub(super) fn take<T, E>(
        self,
        mut items: impl Iterator<Item = Result<T, E>>,
    ) -> Result<(Vec<T>, Option<String>), E> {
        let mut page = Vec::new();
        for item in items.by_ref().skip(self.start).take(self.size) {
            page.push(item?);
        }
        let more = page.len() == self.size && items.next().transpose()?.is_some();
        let next = more.then(|| format!("from-{}", self.start.saturating_add(self.size)));
        Ok((page, next))
    }

    /// The same of a list that is there already.
    pub(super) fn slice<T>(self, items: Vec<T>) -> (Vec<T>, Option<String>) {
        let items = items.into_iter().map(Ok::<T, std::convert::Infallible>);
        self.take(items).unwrap_or_default()
    }
}
