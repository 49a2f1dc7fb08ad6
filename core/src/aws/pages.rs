//! Reads a list of AWS page by page, and no longer than a list of AWS can be.

use aws_smithy_async::future::pagination_stream::PaginationStream;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::Caller;
use crate::diagnostic::Error;
use crate::limits::{LONGEST_LIST, MOST_EC2_PAGES, MOST_PAGES};

type Stream<T, E> = PaginationStream<Result<T, SdkError<E, HttpResponse>>>;

/// The pages of one list. The SDK takes a token that comes again for the end of the list, and is
/// told not to: a list that was cut off so would pass for a whole one.
pub(super) struct Pages<'a, T, E> {
    caller: &'a Caller,
    action: &'static str,
    resource: Option<&'a str>,
    /// Gives the rest of the list, which is begun when it is its turn; `None` once it is over, so
    /// that its end takes no turn, and nothing is held of it.
    rest: Option<Box<dyn FnOnce() -> Stream<T, E> + Send + 'a>>,
    /// How many entries a page holds, and the token of the next page.
    describe: fn(&T) -> (usize, Option<&str>),
    read: usize,
    entries: usize,
}

impl<'a, T, E> Pages<'a, T, E>
where
    T: Send + 'static,
    E: ProvideErrorMetadata + std::error::Error + Send + 'static,
{
    pub(super) fn new(
        caller: &'a Caller,
        (action, resource): (&'static str, Option<&'a str>),
        begin: impl FnOnce() -> Stream<T, E> + Send + 'a,
        describe: fn(&T) -> (usize, Option<&str>),
    ) -> Self {
        Self {
            caller,
            action,
            resource,
            rest: Some(Box::new(begin)),
            describe,
            read: 0,
            entries: 0,
        }
    }

    /// The next page; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<T>, Error> {
        let Some(rest) = self.rest.take() else {
            return Ok(None);
        };
        let next = || async move {
            let mut rest = rest();
            let page = rest.try_next().await?;
            Ok(page.map(|page| (page, rest)))
        };
        let sent = self.caller.send(self.action, self.resource, next);
        let Some((page, rest)) = sent.await? else {
            return Ok(None);
        };
        let (entries, token) = (self.describe)(&page);
        // As the SDK sees the end of a list.
        if token.is_some_and(|token| !token.is_empty()) {
            self.rest = Some(Box::new(move || rest));
        }
        self.read += 1;
        self.entries += entries;
        let is_of_ec2 = self.action.starts_with("ec2:");
        let most_pages = if is_of_ec2 {
            MOST_EC2_PAGES
        } else {
            MOST_PAGES
        };
        if self.read > most_pages || self.entries > LONGEST_LIST {
            let message = format!(
                "the answer to {} does not end: {} entries on {} pages so far",
                self.action, self.entries, self.read
            );
            let mut error = self
                .caller
                .unexpected(self.resource.unwrap_or_default(), message);
            error.action = Some(self.action);
            return Err(error);
        }
        Ok(Some(page))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use aws_sdk_ec2::operation::describe_images::DescribeImagesError;
    use aws_smithy_async::future::pagination_stream::fn_stream::FnStream;
    use futures::FutureExt as _;
    use tokio::sync::Semaphore;

    use super::*;

    /// A list of pages without entries, each with the token of the next one.
    fn list(tokens: &'static [&'static str]) -> Stream<&'static str, DescribeImagesError> {
        PaginationStream::new(FnStream::new(|pages| {
            Box::pin(async move {
                for token in tokens {
                    pages.send(Ok(*token)).await.unwrap();
                }
            })
        }))
    }

    #[tokio::test]
    async fn list_is_begun_in_its_turn_and_its_end_takes_none() {
        let caller = Caller {
            identity: None,
            region: "us-east-1".parse().unwrap(),
            permits: Arc::new(Semaphore::new(0)),
            pace: None,
        };
        let is_begun = AtomicBool::new(false);
        let begin = || {
            is_begun.store(true, Ordering::Relaxed);
            list(&["more", ""])
        };
        let about = ("ec2:DescribeImages", None);
        let mut pages = Pages::new(&caller, about, begin, |token| (0, Some(*token)));
        {
            let mut first = Box::pin(pages.next());
            assert!((&mut first).now_or_never().is_none());
            assert!(!is_begun.load(Ordering::Relaxed), "others are under way");
            caller.permits.add_permits(1);
            assert_eq!(first.await.unwrap(), Some("more"));
        }
        assert_eq!(pages.next().await.unwrap(), Some(""));
        let _under_way = caller.permits.acquire().await.unwrap();
        assert_eq!(pages.next().now_or_never().unwrap().unwrap(), None);
    }
}
