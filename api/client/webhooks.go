package client

import (
	"context"
	"net/url"
	"strconv"

	"touchstone/api/wire"
)

// AddWebhook has events sent to a URL. The secret that they are signed with is in the answer and nowhere else.
func (c *Client) AddWebhook(ctx context.Context, n wire.NewWebhook) (added wire.Webhook, err error) {
	body, err := jsonBody(n)
	if err != nil {
		return added, err
	}
	return added, c.do(ctx, call{method: "POST", path: "/v1/webhooks", body: body}, &added)
}

// Webhooks lists all, oldest first.
func (c *Client) Webhooks(ctx context.Context) ([]wire.Webhook, error) {
	var list wire.Webhooks
	err := c.do(ctx, call{method: "GET", path: "/v1/webhooks", repeatable: true}, &list)
	return list.Webhooks, err
}

// ChangeWebhook changes its URL or its events, or switches it off or on again.
func (c *Client) ChangeWebhook(ctx context.Context, id string, patch wire.WebhookPatch) (changed wire.Webhook, err error) {
	body, err := jsonBody(patch)
	if err != nil {
		return changed, err
	}
	return changed, c.do(ctx, call{method: "PATCH", path: webhookPath(id), body: body}, &changed)
}

// RemoveWebhook removes it, with all that waits to be sent.
func (c *Client) RemoveWebhook(ctx context.Context, id string) (removed wire.Removed, err error) {
	return removed, c.do(ctx, call{method: "DELETE", path: webhookPath(id)}, &removed)
}

// TestWebhook sends an event of the type "webhook.test" now.
func (c *Client) TestWebhook(ctx context.Context, id string) (test wire.TestDelivery, err error) {
	return test, c.do(ctx, call{method: "POST", path: webhookPath(id) + "/test"}, &test)
}

// ReplayWebhook sends all events after that Seq once more, dead letters among them.
func (c *Client) ReplayWebhook(ctx context.Context, id string, after uint64) (replayed wire.Webhook, err error) {
	body, err := jsonBody(wire.Replay{After: &after})
	if err != nil {
		return replayed, err
	}
	return replayed, c.do(ctx, call{method: "POST", path: webhookPath(id) + "/replay", body: body}, &replayed)
}

// RotateWebhookSecret gives the webhook a new secret, which is in the answer and nowhere else.
func (c *Client) RotateWebhookSecret(ctx context.Context, id string, asked wire.RotateSecret) (rotated wire.Webhook, err error) {
	body, err := jsonBody(asked)
	if err != nil {
		return rotated, err
	}
	return rotated, c.do(ctx, call{method: "POST", path: webhookPath(id) + "/secret", body: body}, &rotated)
}

// DeadLetters lists deliveries that were given up, after that Seq.
func (c *Client) DeadLetters(ctx context.Context, id string, after uint64, limit int) ([]wire.DeadLetter, error) {
	var page wire.DeadLetters
	query := url.Values{"after": {strconv.FormatUint(after, 10)}, "limit": {strconv.Itoa(limit)}}
	err := c.do(ctx, call{method: "GET", path: webhookPath(id) + "/dead-letters", query: query, repeatable: true}, &page)
	return page.Letters, err
}

func webhookPath(id string) string { return "/v1/webhooks/" + url.PathEscape(id) }
