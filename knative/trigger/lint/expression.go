package lint

import (
	"strconv"
	"strings"

	"github.com/antlr/antlr4/runtime/Go/antlr"
	"github.com/cloudevents/sdk-go/sql/v2/gen"
	cesqlparser "github.com/cloudevents/sdk-go/sql/v2/parser"
)

// parses says whether an expression is one; the parser panics on some that are none.
func parses(text string) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	_, err := cesqlparser.Parse(text)
	return text != "" && err == nil
}

// expression adds what a CESQL expression, one that parses, compares attributes with.
func (p *space) expression(text string) {
	lexer := gen.NewCESQLParserLexer(cesqlparser.NewCaseChangingStream(antlr.NewInputStream(text), true))
	lexer.RemoveErrorListeners()
	parser := gen.NewCESQLParserParser(antlr.NewCommonTokenStream(lexer, antlr.TokenDefaultChannel))
	parser.RemoveErrorListeners()
	p.walk(parser.Cesql())
}

// walk takes in what it can reason about. All else makes the space free: then other values than it has may be what the
// expression asks for.
func (p *space) walk(tree antlr.Tree) {
	switch x := tree.(type) {
	case *gen.BinaryComparisonExpressionContext:
		name, value, ok := attributeAndText(x.Expression(0), x.Expression(1))
		if ok && (x.EQUAL() != nil || x.NOT_EQUAL() != nil || x.LESS_GREATER() != nil) {
			p.name(name)
			p.exact.add(name, value)
			return
		}
		p.freely(x)
	case *gen.LikeExpressionContext:
		if name, ok := attributeOf(x.Expression()); ok {
			p.name(name)
			p.like(name, textOf(x.StringLiteral().GetText()))
			return
		}
		p.freely(x)
	case *gen.InExpressionContext:
		set, _ := x.SetExpression().(*gen.SetExpressionContext)
		for _, one := range set.AllExpression() {
			name, value, ok := attributeAndText(x.Expression(), one)
			if !ok {
				p.freely(x)
				return
			}
			p.name(name)
			p.exact.add(name, value)
		}
	case *gen.ExistsExpressionContext:
		p.name(strings.ToLower(x.Identifier().GetText()))
	case *gen.UnaryLogicExpressionContext, *gen.BinaryLogicExpressionContext, *gen.SubExpressionContext, *gen.CesqlContext:
		for _, child := range tree.GetChildren() {
			p.walk(child)
		}
	case *gen.AtomExpressionContext:
		if _, ok := x.Atom().(*gen.BooleanAtomContext); !ok {
			p.freely(x)
		}
	case antlr.TerminalNode: // a word such as AND, a bracket
	default:
		p.freely(x)
	}
}

// freely takes every attribute and every literal below a tree, each of which may be compared with any.
func (p *space) freely(tree antlr.Tree) {
	p.free = true
	var names, literals []string
	var descend func(antlr.Tree)
	descend = func(t antlr.Tree) {
		switch x := t.(type) {
		case *gen.IdentifierContext:
			names = append(names, strings.ToLower(x.GetText()))
		case *gen.StringLiteralContext:
			literals = append(literals, strings.Trim(textOf(x.GetText()), "%"))
		case *gen.IntegerLiteralContext:
			if n, err := strconv.Atoi(x.GetText()); err == nil {
				literals = append(literals, strconv.Itoa(n), strconv.Itoa(n-1), strconv.Itoa(n+1))
			}
		}
		for _, child := range t.GetChildren() {
			descend(child)
		}
	}
	descend(tree)
	for _, name := range names {
		p.name(name)
		for _, v := range append(literals, "1", "true") {
			p.exact.add(name, v)
		}
	}
}

// attributeAndText are the two sides of a comparison, in either order.
func attributeAndText(a, b antlr.Tree) (name, value string, ok bool) {
	if name, ok = attributeOf(a); !ok {
		a, b = b, a
		if name, ok = attributeOf(a); !ok {
			return "", "", false
		}
	}
	atom, _ := b.(*gen.AtomExpressionContext)
	if atom == nil {
		return "", "", false
	}
	text, ok := atom.Atom().(*gen.StringAtomContext)
	if !ok {
		return "", "", false
	}
	return name, textOf(text.GetText()), true
}

func attributeOf(tree antlr.Tree) (string, bool) {
	atom, ok := tree.(*gen.AtomExpressionContext)
	if !ok {
		return "", false
	}
	identifier, ok := atom.Atom().(*gen.IdentifierAtomContext)
	if !ok {
		return "", false
	}
	return strings.ToLower(identifier.GetText()), true
}

// textOf is what a literal in quotes says.
func textOf(literal string) string {
	quote := literal[:1]
	return strings.ReplaceAll(literal[1:len(literal)-1], `\`+quote, quote)
}

// like adds a pattern of LIKE: % is any text, _ any character, and a backslash before them takes that away.
func (p *space) like(name, pattern string) {
	const some, one = "\x01", "\x02"
	marked := strings.NewReplacer(`\%`, "%", `\_`, "_", "%", some, "_", one).Replace(pattern)
	inner := strings.Trim(marked, some)
	switch {
	case strings.ContainsAny(inner, some+one), strings.HasPrefix(marked, some) && strings.HasSuffix(marked, some):
		p.free = true
		p.exact.add(name, strings.NewReplacer(some, "", one, "x").Replace(marked))
		p.exact.add(name, strings.NewReplacer(some, "x", one, "x").Replace(marked))
	case marked == inner:
		p.exact.add(name, inner)
	case strings.HasPrefix(marked, some):
		p.suffix.add(name, inner)
	default:
		p.prefix.add(name, inner)
	}
}
