package trigger

import (
	"fmt"
	"slices"
	"strings"

	"github.com/antlr/antlr4/runtime/Go/antlr"
	cesql "github.com/cloudevents/sdk-go/sql/v2"
	"github.com/cloudevents/sdk-go/sql/v2/gen"
	"github.com/cloudevents/sdk-go/sql/v2/parser"
	"github.com/cloudevents/sdk-go/sql/v2/utils"
	"github.com/cloudevents/sdk-go/v2/event"
)

// The parts of an expression that have parts of their own.
const (
	logicAnd = "AND"
	logicOr  = "OR"
	logicXor = "XOR"
	logicNot = "NOT"
)

// cesqlParts takes an expression apart, down to its comparisons, with CloudEvents' own parser, and evaluates each part
// alone. CESQL's AND, OR and XOR bind alike, and to the right: a AND b OR c is a AND (b OR c), which the parts show.
// There are none where the expression cannot be taken apart.
func cesqlParts(text, field string, e event.Event, unasked bool) (parts []*Explanation) {
	defer func() {
		if recover() != nil { // the parser does on some mistakes; Compile has refused those
			parts = nil
		}
	}()
	c := cesqlTree{text: []rune(text), field: field, event: e}
	lexer := gen.NewCESQLParserLexer(parser.NewCaseChangingStream(antlr.NewInputStream(text), true))
	lexer.RemoveErrorListeners()
	p := gen.NewCESQLParserParser(antlr.NewCommonTokenStream(lexer, antlr.TokenDefaultChannel))
	p.RemoveErrorListeners()
	whole, ok := p.Cesql().(*gen.CesqlContext)
	if !ok {
		return nil
	}
	return []*Explanation{c.explain(whole.Expression(), unasked)}
}

type cesqlTree struct {
	text  []rune
	field string
	event event.Event
}

func (c *cesqlTree) explain(ctx gen.IExpressionContext, unasked bool) *Explanation {
	x := &Explanation{Field: c.field, Asks: c.source(ctx), Unasked: unasked, Says: No}
	truth, err := c.truth(ctx)
	switch {
	case err != nil:
		x.Sees = oneLineOf(err)
	case truth:
		x.Says = Yes
	}
	kind, operands := logic(ctx)
	if kind == "" {
		if err == nil {
			x.Sees = strings.Join(c.operands(ctx), ", ")
		}
		return x
	}
	x.kind = kind
	decided := unasked
	for _, operand := range operands {
		part := c.explain(operand, decided)
		x.Parts = append(x.Parts, part)
		_, err := c.truth(operand) // an error is the error of the whole
		decided = decided || err != nil || kind == logicAnd && part.Says == No || kind == logicOr && part.Says == Yes
	}
	return x
}

// truth is what the part is where a boolean is asked for, as in AND.
func (c *cesqlTree) truth(ctx gen.IExpressionContext) (bool, error) {
	value, err := c.evaluate(ctx)
	if err != nil {
		return false, err
	}
	if value, err = utils.Cast(value, cesql.BooleanType); err != nil {
		return false, err
	}
	return value == true, nil
}

// logic returns the operator of an expression that has boolean parts, and those parts; brackets are looked through.
func logic(ctx gen.IExpressionContext) (kind string, operands []gen.IExpressionContext) {
	switch ctx := ctx.(type) {
	case *gen.SubExpressionContext:
		return logic(ctx.Expression())
	case *gen.UnaryLogicExpressionContext:
		return logicNot, []gen.IExpressionContext{ctx.Expression()}
	case *gen.BinaryLogicExpressionContext:
		kind = logicXor
		if ctx.AND() != nil {
			kind = logicAnd
		} else if ctx.OR() != nil {
			kind = logicOr
		}
		return kind, ctx.AllExpression()
	}
	return "", nil
}

// operands says what each attribute and each function in a comparison is.
func (c *cesqlTree) operands(tree antlr.Tree) (said []string) {
	for _, child := range tree.GetChildren() {
		said = append(said, c.operands(child)...)
	}
	switch ctx := tree.(type) {
	case *gen.IdentifierContext:
		name := strings.ToLower(ctx.GetText())
		if _, asked := ctx.GetParent().(*gen.ExistsExpressionContext); asked {
			said = append(said, name+": "+sees(c.event, name))
		} else {
			said = append(said, name+" is "+c.valueOf(ctx))
		}
	case *gen.FunctionInvocationExpressionContext:
		said = append(said, c.source(ctx)+" is "+c.valueOf(ctx))
	}
	slices.Sort(said)
	return slices.Compact(said)
}

func (c *cesqlTree) valueOf(tree antlr.ParseTree) string {
	value, err := c.evaluate(tree)
	if err != nil {
		return oneLineOf(err)
	}
	return quoted(value)
}

func (c *cesqlTree) evaluate(tree antlr.ParseTree) (value any, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panics: %v", cause)
		}
	}()
	compiled, ok := parser.NewExpressionVisitor().Visit(tree).(cesql.Expression)
	if !ok {
		return nil, fmt.Errorf("not an expression: %s", tree.GetText())
	}
	return compiled.Evaluate(c.event)
}

// source is a part of the expression as it was written, but for line breaks.
func (c *cesqlTree) source(ctx antlr.ParserRuleContext) string {
	start, stop := ctx.GetStart().GetStart(), ctx.GetStop().GetStop()
	if start < 0 || stop < start || stop >= len(c.text) {
		return ctx.GetText()
	}
	return strings.Join(strings.Fields(string(c.text[start:stop+1])), " ")
}

func oneLineOf(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
