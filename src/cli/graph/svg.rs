//! The graph as a picture.
//!
//! Steps stand below each other; between two of them the line is thin where a host waits for
//! itself alone. What waits for a step further back is an arc on the left. The reasons stand
//! beside the step that waits, and on each line for those who point at it.

use std::fmt::Write as _;

use super::picture::{Edge, Node, Picture};

/// From a step to the next.
const ROW: usize = 46;
/// Height and width of a step.
const BOX: (usize, usize) = (28, 420);
/// Left of the steps, where the arcs are.
const LEFT: usize = 140;
/// Right of the steps, where the reasons are.
const RIGHT: usize = 420;
/// Letters of a title.
const LONGEST: usize = 58;

const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#1f2430}.why{font-size:12px;fill:#5c6370}\
.play{font-weight:600}.step{fill:#fff;stroke:#8a93a6}.flush{stroke-dasharray:2 3}.handler{fill:#f3f6ff}\
.rescue{fill:#fff4ec}.always{fill:#f4f4f4}.own{stroke:#b4bac7;fill:none}.all{stroke:#c2571a;stroke-width:2.5;fill:none}\
@media(prefers-color-scheme:dark){text{fill:#e6e8ee}.why{fill:#a3abbb}.step{fill:#232833}.handler{fill:#26304a}\
.rescue{fill:#3a2c22}.always{fill:#2c2f36}}\
.heat1{fill:#fff1dc}.heat2{fill:#ffd9a8}.heat3{fill:#ffb066}.heat4{fill:#ff7a3c}.hot{stroke:#c2571a;stroke-width:2}\
text.on{fill:#1f2430}.took{font-size:12px;text-anchor:end}";

/// All plays below each other.
pub(super) fn draw(pictures: &[Picture]) -> String {
    let rows: usize = pictures.iter().map(|picture| picture.nodes.len() + 1).sum();
    let (width, height) = (LEFT + BOX.1 + RIGHT, rows * ROW + ROW / 2);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 \
         0 {width} {height}\" role=\"img\" aria-label=\"The steps of plays, and what they wait \
         for\">\n<style>{STYLE}</style>\n"
    );
    let mut top = ROW / 2;
    for picture in pictures {
        let title = escaped(&picture.title);
        let _ =
            writeln!(text, "<text class=\"play\" x=\"{LEFT}\" y=\"{}\">{title}</text>", top + 18);
        if let Some(follows) = &picture.follows {
            let (x, y) = (LEFT + BOX.1 + 14, top + 18);
            let words = escaped(&follows.words());
            let _ = writeln!(text, "<text class=\"why\" x=\"{x}\" y=\"{y}\">{words}</text>");
        }
        top += ROW;
        for edge in &picture.edges {
            line(&mut text, edge, top);
        }
        for (index, node) in picture.nodes.iter().enumerate() {
            step(&mut text, node, top + index * ROW);
            let waits: Vec<String> = picture
                .into(index)
                .filter(|edge| edge.couples_hosts())
                .map(|edge| why(edge, picture))
                .collect();
            if !waits.is_empty() {
                let (x, y) = (LEFT + BOX.1 + 14, top + index * ROW + 18);
                let waits = escaped(&waits.join("; "));
                let _ = writeln!(text, "<text class=\"why\" x=\"{x}\" y=\"{y}\">{waits}</text>");
            }
        }
        top += picture.nodes.len() * ROW;
    }
    text.push_str("</svg>\n");
    text
}

/// The reasons that couple hosts.
fn why(edge: &Edge, picture: &Picture) -> String {
    let coupling = edge.reasons.iter().filter(|reason| reason.couples_hosts());
    let words: Vec<&str> = coupling.map(|reason| reason.words()).collect();
    let far = edge.from.filter(|from| from + 1 != edge.to);
    let number = far.and_then(|from| picture.nodes.get(from)).map(|node| node.number);
    let at = number.map(|number| format!(" at {number}")).unwrap_or_default();
    format!("{}{at}", words.join(", "))
}

fn step(text: &mut String, node: &Node, y: usize) {
    let kind = node.section.unwrap_or(node.kind);
    let title: String = format!("{}  {}", node.number, node.title).chars().take(LONGEST).collect();
    let (height, width) = BOX;
    let (heat, on) = match node.heat() {
        0 => (String::new(), ""),
        heat => (format!(" hot heat{heat}"), " on"),
    };
    let took = node.took.map(|took| took.words());
    let told = took.as_ref().map(|took| format!(": {took}")).unwrap_or_default();
    let took = took.map_or_else(String::new, |took| {
        let x = LEFT + width - 10;
        format!("<text class=\"took{on}\" x=\"{x}\" y=\"{}\">{}</text>", y + 18, escaped(&took))
    });
    // the time needs room
    let longest = if took.is_empty() { LONGEST } else { LONGEST / 2 };
    let title: String = title.chars().take(longest).collect();
    let _ = writeln!(
        text,
        "<g><title>{}</title><rect class=\"step {kind}{heat}\" x=\"{LEFT}\" y=\"{y}\" width=\"{width}\" \
         height=\"{height}\" rx=\"5\"/><text class=\"{}\" x=\"{}\" y=\"{}\">{}</text>{took}</g>",
        escaped(&format!("{} {} [{}]{told}", node.kind, node.title, node.place)),
        on.trim(),
        LEFT + 12,
        y + 18,
        escaped(&title),
    );
}

fn line(text: &mut String, edge: &Edge, top: usize) {
    let class = if edge.couples_hosts() { "all" } else { "own" };
    let y = |index: usize| top + index * ROW;
    let path = match edge.from {
        Some(from) if from + 1 == edge.to => {
            format!("M{x} {}V{}", y(from) + BOX.0, y(edge.to), x = LEFT + 40)
        }
        Some(from) => {
            let reach = LEFT.saturating_sub(20 + (edge.to - from) * 10).max(10);
            let (start, end) = (y(from) + BOX.0 / 2, y(edge.to) + BOX.0 / 2);
            format!("M{LEFT} {start}C{reach} {start} {reach} {end} {LEFT} {end}")
        }
        None => {
            format!("M{x} {}V{}", y(edge.to).saturating_sub(ROW - BOX.0), y(edge.to), x = LEFT + 40)
        }
    };
    let words = escaped(&edge.words());
    let _ = writeln!(text, "<path class=\"{class}\" d=\"{path}\"><title>{words}</title></path>");
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            letter if letter.is_control() => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}
