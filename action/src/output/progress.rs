//! Live progress at a terminal: below the log, a bar for each thing that a run waits for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use parking_lot::Mutex;

use super::waits::Bar;

/// This many bars are shown; what else the run waits for is counted.
const MAX_BARS: usize = 8;

/// The bars; there are none if no terminal can show them.
pub(crate) struct ProgressBars {
    screen: Option<MultiProgress>,
    bars: Mutex<Bars>,
}

#[derive(Default)]
struct Bars {
    /// The bars, by resource.
    shown: BTreeMap<String, ProgressBar>,
    /// Resources without a bar.
    more: BTreeSet<String>,
    /// The line that counts them.
    count: Option<ProgressBar>,
}

impl ProgressBars {
    pub(crate) fn new(terminal: bool) -> Self {
        let screen = terminal.then(MultiProgress::new);
        Self {
            screen: screen.filter(|screen| !screen.is_hidden()),
            bars: Mutex::default(),
        }
    }

    /// Shows what is awaited; returns whether a terminal shows it. `clean` makes a text harmless.
    pub(crate) fn show(&self, awaited: &Bar, clean: impl Fn(&str) -> String) -> bool {
        let Some(screen) = &self.screen else {
            return false;
        };
        let resource = &clean(&awaited.resource);
        let mut bars = self.bars.lock();
        if !bars.shown.contains_key(resource) && bars.shown.len() == MAX_BARS {
            bars.more.insert(resource.clone());
            bars.update_count(screen);
            return true;
        }
        if bars.more.remove(resource) {
            bars.update_count(screen);
        }
        let bar = bars.get_or_add(screen, resource, awaited);
        bar.set_prefix(clean(awaited.title.as_deref().unwrap_or_default()));
        bar.set_message(clean(&awaited.message));
        bar.set_position(awaited.percent.unwrap_or_default().into());
        // Nothing happens for seconds between two polls, but the clock on the line must go on.
        bar.enable_steady_tick(Duration::from_millis(200));
        true
    }

    /// Removes the bars of what a line of the log says is done.
    pub(crate) fn finish(&self, line: &str) {
        let Some(screen) = &self.screen else { return };
        let mut bars = self.bars.lock();
        bars.shown.retain(|resource, bar| {
            let done = names(line, resource);
            if done {
                bar.finish_and_clear();
            }
            !done
        });
        bars.more.retain(|resource| !names(line, resource));
        bars.update_count(screen);
    }

    /// Removes all bars.
    pub(crate) fn clear(&self) {
        let bars = std::mem::take(&mut *self.bars.lock());
        for bar in bars.shown.into_values().chain(bars.count) {
            bar.finish_and_clear();
        }
    }

    /// Writes to the log, above the bars.
    pub(crate) fn suspend(&self, write: impl FnOnce()) {
        match &self.screen {
            Some(screen) => screen.suspend(write),
            None => write(),
        }
    }
}

impl Bars {
    fn get_or_add(
        &mut self,
        screen: &MultiProgress,
        resource: &str,
        awaited: &Bar,
    ) -> &ProgressBar {
        let count = self.count.clone();
        self.shown.entry(resource.to_owned()).or_insert_with(|| {
            let bar = new_bar(awaited);
            // The line that counts the others stays the last.
            match count {
                Some(count) => screen.insert_before(&count, bar),
                None => screen.add(bar),
            }
        })
    }

    fn update_count(&mut self, screen: &MultiProgress) {
        if self.more.is_empty() {
            if let Some(count) = self.count.take() {
                count.finish_and_clear();
            }
            return;
        }
        let line = || ProgressBar::new_spinner().with_style(style("  {msg}"));
        let count = self.count.get_or_insert_with(|| screen.add(line()));
        count.set_message(format!("… and {} more", self.more.len()));
    }
}

fn new_bar(awaited: &Bar) -> ProgressBar {
    let template = if awaited.title.is_some() {
        "{spinner} {prefix} [{bar:24}] {pos:>3} % {elapsed:>4} {wide_msg}"
    } else if awaited.percent.is_some() {
        "{spinner} [{bar:24}] {pos:>3} % {elapsed:>4} {wide_msg}"
    } else {
        "{spinner} {elapsed:>37} {wide_msg}"
    };
    ProgressBar::new(100).with_style(style(template).progress_chars("=> "))
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Whether a line names a resource, and not another one whose name begins like it.
fn names(line: &str, resource: &str) -> bool {
    line.match_indices(resource).any(|(at, found)| {
        let rest = line.get(at + found.len()..).unwrap_or_default();
        !rest.starts_with(|c: char| c.is_alphanumeric() || "-_/".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_names_whole_resources() {
        let key = "key alias/golden";
        assert!(names(
            "the policy of key alias/golden now has statements",
            key
        ));
        assert!(names("waited for key alias/golden", key));
        assert!(!names(
            "the policy of key alias/golden-us-west-2 now has statements",
            key
        ));
    }
}
