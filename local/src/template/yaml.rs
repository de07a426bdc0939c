//! YAML with positions, and `CloudFormation`'s short tags written out long (`!Ref X` becomes `{Ref: X}`).

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::wrong::Wrong;

/// A value of the template and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// What stands there.
    pub value: Value,
}

/// What stands at a place of the template. Scalars stay text: everything that we read is text or a whole number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A scalar; an unquoted empty one, `~` and `null` are the empty text.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The fault `what`, at this place.
    pub fn wrong(&self, what: impl Into<String>) -> Wrong {
        Wrong {
            line: self.line,
            column: self.column,
            what: what.into(),
        }
    }

    /// The value of `key`, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The entries of this mapping.
    ///
    /// # Errors
    /// [`Wrong`], when it is something else; `what` names the thing.
    pub fn entries(&self, what: &str) -> Result<&[(String, Self)], Wrong> {
        match &self.value {
            Value::Map(entries) => Ok(entries),
            Value::Text(text) if text.is_empty() => Ok(&[]),
            _ => Err(self.wrong(format!("{what} must be a mapping"))),
        }
    }

    /// The function call that this node is: a mapping with one key, `Ref`, `Condition` or `Fn::…`.
    pub fn call(&self) -> Option<(&str, &Self)> {
        match &self.value {
            Value::Map(entries) => match entries.as_slice() {
                [(name, argument)] if name == "Ref" || name == "Condition" || name.starts_with("Fn::") => {
                    Some((name, argument))
                }
                _ => None,
            },
            _ => None,
        }
    }
}

/// The text of a scalar node.
///
/// # Errors
/// [`Wrong`], when it isn't one; `what` names the thing.
pub fn scalar<'n>(node: &'n Node, what: &str) -> Result<&'n str, Wrong> {
    match &node.value {
        Value::Text(text) => Ok(text),
        _ => Err(node.wrong(format!("{what} must be plain text"))),
    }
}

/// Reads one document.
///
/// # Errors
/// [`Wrong`], where the text isn't YAML or uses what `CloudFormation` doesn't (anchors, several documents).
pub fn parse(text: &str) -> Result<Node, Wrong> {
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| Wrong {
            line: error.marker().line(),
            column: error.marker().col() + 1,
            what: format!("not valid YAML: {}", error.info()),
        })?;
        let finished = match event {
            Event::Scalar(text, style, _, tag) => {
                let null = style == ScalarStyle::Plain && (text == "~" || text == "null");
                let text = if null { String::new() } else { text.into_owned() };
                Some(tagged(tag.as_deref(), node(span, Value::Text(text))))
            }
            Event::SequenceStart(_, tag) => {
                open.push(Open::new(span, tag.as_deref(), Collection::List(Vec::new())));
                None
            }
            Event::MappingStart(_, tag) => {
                open.push(Open::new(span, tag.as_deref(), Collection::Map(Vec::new(), None)));
                None
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop().map(Open::finish),
            Event::Alias(_) => return Err(node(span, Value::List(Vec::new())).wrong("YAML aliases aren't supported")),
            _ => None,
        };
        let Some(finished) = finished else { continue };
        match open.last_mut() {
            Some(parent) => parent.add(finished)?,
            None if root.is_none() => root = Some(finished),
            None => return Err(finished.wrong("a template is one YAML document")),
        }
    }
    root.ok_or_else(|| Wrong {
        line: 1,
        column: 1,
        what: "the template is empty".to_owned(),
    })
}

fn node(span: Span, value: Value) -> Node {
    Node {
        line: span.start.line(),
        column: span.start.col() + 1,
        value,
    }
}

/// Writes a short tag out: `!GetAtt A.B` is `{"Fn::GetAtt": "A.B"}`. YAML's own tags (`!!str`) are ignored.
fn tagged(tag: Option<&Tag>, inner: Node) -> Node {
    let Some(tag) = tag.filter(|tag| tag.handle == "!") else {
        return inner;
    };
    let name = match tag.suffix.as_str() {
        plain @ ("Ref" | "Condition") => plain.to_owned(),
        function => format!("Fn::{function}"),
    };
    Node {
        line: inner.line,
        column: inner.column,
        value: Value::Map(vec![(name, inner)]),
    }
}

/// A collection that has begun and not ended.
struct Open {
    span: Span,
    tag: Option<Tag>,
    collection: Collection,
}

enum Collection {
    List(Vec<Node>),
    /// The entries, and the key that waits for its value.
    Map(Vec<(String, Node)>, Option<String>),
}

impl Open {
    fn new(span: Span, tag: Option<&Tag>, collection: Collection) -> Self {
        Self {
            span,
            tag: tag.cloned(),
            collection,
        }
    }

    fn add(&mut self, child: Node) -> Result<(), Wrong> {
        match &mut self.collection {
            Collection::List(items) => items.push(child),
            Collection::Map(entries, key) => match key.take() {
                Some(key) => entries.push((key, child)),
                None => match &child.value {
                    Value::Text(name) if entries.iter().any(|(other, _)| other == name) => {
                        return Err(child.wrong(format!("{name} is there twice")));
                    }
                    Value::Text(name) => *key = Some(name.clone()),
                    _ => return Err(child.wrong("a key must be plain text")),
                },
            },
        }
        Ok(())
    }

    fn finish(self) -> Node {
        let value = match self.collection {
            Collection::List(items) => Value::List(items),
            Collection::Map(entries, _) => Value::Map(entries),
        };
        tagged(self.tag.as_ref(), node(self.span, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_tags_are_written_out_and_positions_kept() {
        let root = parse("a:\n  b: !Sub x${Y}\n  c: !If [Z, 1, !Ref N]\n").unwrap();
        let a = root.get("a").unwrap();
        let (name, argument) = a.get("b").unwrap().call().unwrap();
        assert_eq!((name, &argument.value), ("Fn::Sub", &Value::Text("x${Y}".to_owned())));
        let (name, argument) = a.get("c").unwrap().call().unwrap();
        assert_eq!((name, argument.line), ("Fn::If", 3));
        let Value::List(items) = &argument.value else {
            panic!("{argument:?}")
        };
        assert_eq!(items[2].call().unwrap().0, "Ref");
    }

    #[test]
    fn faults_name_their_place() {
        assert_eq!(
            parse("a: 1\na: 2\n").unwrap_err().to_string(),
            "line 2, column 1: a is there twice"
        );
        let broken = parse("a:\n  - b\n c: d\n").unwrap_err();
        assert_eq!(broken.line, 3, "{broken}");
        assert_eq!(parse("a: &x 1\nb: *x\n").unwrap_err().line, 2);
    }
}
