//! Examples to look at: the most uncertain, and the worst predicted.

use crate::number::{short, shortened};
use crate::page::{Section, remark};
use crate::plot::series::series;
use crate::read::{Reals, Run, TestSeries};
use crate::section::largest::largest;
use elbo::data::Dataset;
use maud::{Markup, html};

/// The section.
pub fn section(run: &Run, reals: &Reals) -> Section {
    let off = reals.standardized();
    let all = || (0..reals.targets.len()).collect::<Vec<_>>();
    let (uncertain, wrong) = (largest(all(), |i| reals.stddev[i]), largest(all(), |i| off[i].abs()));
    let body = html! {
        @match &run.series {
            TestSeries::Found(data) => {
                h3 { "The most uncertain" }
                (cards("uncertain", data, reals, &uncertain))
                h3 { "The furthest from their prediction, in standard deviations" }
                (cards("wrong", data, reals, &wrong))
                (remark("Series are drawn as they were read, before scaling."))
            }
            TestSeries::Missing(reason) => p { "The series themselves cannot be shown: " (reason) "." }
        }
    };
    Section { id: "examples", title: "Examples".into(), body }
}

fn cards(kind: &str, data: &Dataset, reals: &Reals, chosen: &[usize]) -> Markup {
    html! { div class="plots" { @for &i in chosen { (card(kind, data, reals, i)) } } }
}

fn card(kind: &str, data: &Dataset, reals: &Reals, i: usize) -> Markup {
    let text = format!(
        "True value {}; predicted {} ± {} (90 % interval {} to {}).",
        short(reals.targets[i]),
        short(reals.mean[i]),
        short(reals.stddev[i]),
        short(reals.low[i]),
        short(reals.high[i])
    );
    let title = format!("Example {}", shortened(&reals.ids[i], 24));
    let figure = series((&format!("example-{kind}-{i}"), &title), &data.examples[i].values, data.channels);
    figure.with_text(text).html()
}
