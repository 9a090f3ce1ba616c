//! The page around the sections: one file that needs nothing else.

use crate::number::unbroken;
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// One section of a page.
#[derive(Clone, Debug)]
pub struct Section {
    /// Unique on the page; letters and `-`.
    pub id: &'static str,
    /// Heading.
    pub title: String,
    /// Content.
    pub body: Markup,
}

/// A page in the making.
#[derive(Clone, Debug)]
pub struct Page {
    /// What it is about.
    pub title: String,
    /// What kind of page, in a few words above the title.
    pub kicker: String,
    /// A line below the title.
    pub lead: Markup,
    /// The sections.
    pub sections: Vec<Section>,
}

impl Page {
    /// The page as a file.
    pub fn html(&self) -> String {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    // Nothing is loaded from anywhere; what is not in the file does not run.
                    meta http-equiv="Content-Security-Policy"
                        content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";
                    title { (self.title) " – elbo" }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    (self.header())
                    main {
                        @for section in &self.sections {
                            section id=(section.id) aria-labelledby=(heading_id(section)) {
                                h2 id=(heading_id(section)) { (section.title) }
                                (section.body)
                            }
                        }
                    }
                    footer { p { "Made by " span class="brand" { "elbo" } " " (env!("CARGO_PKG_VERSION")) "." } }
                    script { (PreEscaped(SCRIPT)) }
                }
            }
        };
        page.into_string()
    }

    fn header(&self) -> Markup {
        html! {
            header {
                p class="kicker" { (self.kicker) }
                h1 { (self.title) }
                (self.lead)
                nav aria-label="Sections" {
                    ul { @for section in &self.sections { li { a href=(format!("#{}", section.id)) { (section.title) } } } }
                }
            }
        }
    }
}

fn heading_id(section: &Section) -> String {
    format!("{}-heading", section.id)
}

/// A table with a caption; numbers are set right. Cells of the first column name their row.
pub fn table<S: AsRef<str>>(caption: &str, columns: &[S], rows: &[Vec<String>]) -> Markup {
    html! {
        div class="scroll" tabindex="0" role="group" aria-label=(caption) {
            table {
                caption { (caption) }
                thead { tr { @for column in columns { th scope="col" { (column.as_ref()) } } } }
                tbody {
                    @for row in rows {
                        tr {
                            @for (number, cell) in row.iter().enumerate() {
                                @if number == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A table whose rows have a name, a line on what it means, and cells.
pub fn explained_table(caption: &str, columns: &[&str], rows: &[(&str, &str, Vec<String>)]) -> Markup {
    html! {
        div class="scroll" tabindex="0" role="group" aria-label=(caption) {
            table class="explained" {
                caption { (caption) }
                thead { tr { @for column in columns { th scope="col" { (column) } } } }
                tbody {
                    @for (name, meaning, cells) in rows {
                        tr {
                            th scope="row" { (unbroken(name)) span class="meaning" { (unbroken(meaning)) } }
                            @for cell in cells { td { (cell) } }
                        }
                    }
                }
            }
        }
    }
}

/// Plots side by side where there is room.
pub fn plots(figures: &[crate::plot::Figure]) -> Markup {
    html! { div class="plots" { @for figure in figures { (figure.html()) } } }
}

/// A plot with something beside it where there is room.
pub fn beside(figure: Option<&crate::plot::Figure>, other: &Markup) -> Markup {
    html! { div class="plots" { @if let Some(figure) = figure { (figure.html()) } div class="stack" { (other) } } }
}

/// Paragraphs.
pub fn paragraphs<S: AsRef<str>>(texts: &[S]) -> Markup {
    html! { @for text in texts { p { (unbroken(text.as_ref())) } } }
}

/// What something needs to be read rightly.
pub fn remark(text: &str) -> Markup {
    html! { p class="remark" { (unbroken(text)) } }
}
