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
    /// Makes the stream when it is the turn of the first page: it is large, and many wait for their
    /// turns.
    begin: Option<Box<dyn FnOnce() -> Stream<T, E> + Send + 'a>>,
    stream: Option<Stream<T, E>>,
    /// How many entries a page holds.
    count: fn(&T) -> usize,
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
        count: fn(&T) -> usize,
    ) -> Self {
        Self {
            caller,
            action,
            resource,
            begin: Some(Box::new(begin)),
            stream: None,
            count,
            read: 0,
            entries: 0,
        }
    }

    /// The next page; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<T>, Error> {
        let (begin, stream) = (&mut self.begin, &mut self.stream);
        let next = async move {
            if let Some(begin) = begin.take() {
                *stream = Some(begin());
            }
            match stream {
                Some(stream) => stream.try_next().await,
                None => Ok(None),
            }
        };
        let sent = self.caller.send_next(self.action, self.resource, next);
        let Some(page) = sent.await? else {
            return Ok(None);
        };
        self.read += 1;
        self.entries += (self.count)(&page);
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
