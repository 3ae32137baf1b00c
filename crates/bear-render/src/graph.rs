//! The picture of a plan as SVG: a row for each thing that is worked on, and a column for each step that must come first.
//!
//! A plan has few shapes: chains of the steps of one instance, and what they wait for in common. So rows and columns
//! follow from the plan itself, and no general layout is needed. Like rows of a large plan are folded into one.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;

use bear_core::name::GroupName;
use bear_core::plan::{Plan, Resource, StepKind};
use petgraph::Direction;
use petgraph::graph::NodeIndex;

use crate::markup::text;
use crate::words::{count, fit, grouped};

/// The most rows that are drawn one by one.
const ROWS_MAX: usize = 40;

/// Sizes in units of SVG, which browsers show as pixels.
const ROW: usize = 36;
const BOX_WIDTH: usize = 84;
const BOX_HEIGHT: usize = 24;
const COLUMN: usize = 132;
const MARGIN: usize = 20;
const HEADER: usize = 64;
/// The width of a character of a row's name, on the safe side.
const CHARACTER: usize = 8;
const NAME_MAX: usize = 44;

/// One row: what is done to one thing, or to several alike.
struct Row {
    name: String,
    group: Option<GroupName>,
    /// How many things it stands for.
    stands_for: usize,
    /// The steps that are drawn, and their columns.
    steps: Vec<(NodeIndex, usize)>,
}

/// The plan as an SVG document that needs nothing else, light or dark as its reader likes it.
pub fn svg(plan: &Plan) -> String {
    let picture = Picture::of(plan);
    let names = picture.rows.iter().map(|row| row.title().chars().count()).max().unwrap_or(0);
    let left = MARGIN + names * CHARACTER + MARGIN;
    let columns =
        picture.rows.iter().flat_map(|row| &row.steps).map(|(_, column)| column + 1).max().unwrap_or(0);
    let headline = headline(plan);
    let width = (left + columns * COLUMN).max(2 * MARGIN + headline.chars().count() * CHARACTER);
    let height = HEADER + picture.rows.len() * ROW + MARGIN;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\" aria-labelledby=\"title\">\n<title id=\"title\">{headline}</title>\n\
         <style>\n{STYLE}</style>\n<rect class=\"page\" width=\"{width}\" height=\"{height}\"/>\n\
         <text class=\"headline\" x=\"{MARGIN}\" y=\"36\">{headline}</text>\n",
        headline = text(&headline)
    );
    picture.arrows(&mut out, plan, left);
    picture.boxes(&mut out, plan, left);
    out.push_str("</svg>\n");
    out
}

const STYLE: &str = "\
text { font: 14px ui-sans-serif, system-ui, sans-serif; fill: #1f2328; }
.headline { font-size: 16px; font-weight: 600; }
.page { fill: #ffffff; }
.step { fill: #eef1f4; stroke: #8b949e; }
.create { fill: #dafbe1; stroke: #1a7f37; }
.install { fill: #ddf4ff; stroke: #0969da; }
.verify { fill: #fbefff; stroke: #8250df; }
.destroy { fill: #ffebe9; stroke: #cf222e; }
.kind { text-anchor: middle; }
path { fill: none; stroke: #8b949e; }
.tip { fill: #8b949e; stroke: none; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.page { fill: #0d1117; }
.create { fill: #12361f; }
.install { fill: #0c2d4d; }
.verify { fill: #2e1f4d; }
.destroy { fill: #4c1a1d; }
}
";

fn headline(plan: &Plan) -> String {
    if plan.steps.node_count() == 0 {
        return format!("Fleet {}: no changes", plan.fleet);
    }
    let steps = count(plan.steps.node_count(), "step");
    format!("Fleet {}: {steps} for {}", plan.fleet, count(plan.changes.len(), "instance"))
}

impl Row {
    fn title(&self) -> String {
        fit(&self.name, NAME_MAX, "…").into_owned()
    }

    /// Whether the two rows differ in the name only.
    fn is_like(&self, other: &Self, plan: &Plan) -> bool {
        let shape = |row: &Self| {
            row.steps.iter().map(|(step, column)| (plan.steps[*step].kind, *column)).collect::<Vec<_>>()
        };
        self.group.is_some() && self.group == other.group && shape(self) == shape(other)
    }
}

/// The rows of a plan, and in which of them each step is drawn.
struct Picture {
    rows: Vec<Row>,
    /// The row and the column of each step.
    places: HashMap<NodeIndex, (usize, usize)>,
}

impl Picture {
    fn of(plan: &Plan) -> Self {
        let columns = columns(plan);
        let mut row_of = HashMap::<&Resource, usize>::new();
        let mut rows = Vec::<Row>::new();
        for step in plan.steps.node_indices() {
            let weight = &plan.steps[step];
            // What is shared is made first and goes last: two rows, at the top and at the bottom.
            let last = weight.instance().is_none() && weight.kind == StepKind::Destroy;
            let row = match row_of.get(&weight.resource) {
                Some(&row) if !last => row,
                _ => {
                    rows.push(Row {
                        name: weight.resource.to_string(),
                        group: weight.group.clone(),
                        stands_for: 1,
                        steps: Vec::new(),
                    });
                    row_of.insert(&weight.resource, rows.len() - 1);
                    rows.len() - 1
                }
            };
            rows[row].steps.push((step, columns[step.index()]));
        }
        Self::folded(rows, plan)
    }

    /// Folds like rows that follow each other, if there are too many to be drawn one by one.
    fn folded(rows: Vec<Row>, plan: &Plan) -> Self {
        let fold = rows.len() > ROWS_MAX;
        let mut picture = Self { rows: Vec::new(), places: HashMap::new() };
        for row in rows {
            let joins = fold && picture.rows.last().is_some_and(|last| last.is_like(&row, plan));
            if !joins {
                picture.rows.push(Row { steps: row.steps.clone(), name: row.name.clone(), ..row });
            } else if let Some(last) = picture.rows.last_mut() {
                last.stands_for += 1;
            }
            let at = picture.rows.len() - 1;
            picture.places.extend(row.steps.iter().map(|(step, column)| (*step, (at, *column))));
        }
        for row in picture.rows.iter_mut().filter(|row| row.stands_for > 1) {
            let _ = write!(row.name, " and {} more", grouped(row.stands_for - 1));
        }
        picture
    }

    /// Each arrow once, however many steps of folded rows it stands for.
    fn arrows(&self, out: &mut String, plan: &Plan, left: usize) {
        let ends = plan.steps.edge_indices().filter_map(|edge| plan.steps.edge_endpoints(edge));
        let drawn = ends.map(|(from, to)| (self.places[&from], self.places[&to])).collect::<BTreeSet<_>>();
        for ((from_row, from_column), (to_row, to_column)) in drawn {
            let (from_x, from_y) = (left + from_column * COLUMN + BOX_WIDTH, middle(from_row));
            let (to_x, to_y) = (left + to_column * COLUMN, middle(to_row));
            let bend = usize::midpoint(from_x, to_x);
            let end = to_x - 6;
            let _ =
                writeln!(out, "<path d=\"M{from_x} {from_y} C{bend} {from_y} {bend} {to_y} {end} {to_y}\"/>");
            let (above, below) = (to_y - 4, to_y + 4);
            let _ =
                writeln!(out, "<path class=\"tip\" d=\"M{end} {above} L{to_x} {to_y} L{end} {below} Z\"/>");
        }
    }

    fn boxes(&self, out: &mut String, plan: &Plan, left: usize) {
        for (index, row) in self.rows.iter().enumerate() {
            let baseline = middle(index) + 5;
            let title = row.title();
            let _ = writeln!(out, "<text x=\"{MARGIN}\" y=\"{baseline}\">{}</text>", text(&title));
            for (step, column) in &row.steps {
                let kind = plan.steps[*step].kind;
                let (x, y) = (left + column * COLUMN, middle(index) - BOX_HEIGHT / 2);
                let center = x + BOX_WIDTH / 2;
                let _ = writeln!(
                    out,
                    "<g><title>{kind} {}</title><rect class=\"step {kind}\" x=\"{x}\" y=\"{y}\" width=\"{BOX_WIDTH}\" \
                     height=\"{BOX_HEIGHT}\" rx=\"5\"/><text class=\"kind\" x=\"{center}\" y=\"{baseline}\">{kind}\
                     </text></g>",
                    text(&row.name)
                );
            }
        }
    }
}

/// The height at which the arrows of a row lie.
const fn middle(row: usize) -> usize {
    HEADER + row * ROW + ROW / 2
}

/// For each step, how many others come before it on the longest way to it.
fn columns(plan: &Plan) -> Vec<usize> {
    let mut columns = vec![0; plan.steps.node_count()];
    // A plan that could not be sorted was refused long before anybody draws it.
    for step in petgraph::algo::toposort(&plan.steps, None).unwrap_or_default() {
        let before = plan.steps.neighbors_directed(step, Direction::Incoming);
        columns[step.index()] = before.map(|before| columns[before.index()] + 1).max().unwrap_or(0);
    }
    columns
}
