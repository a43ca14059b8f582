package client

import (
	"context"
	"net/url"

	"touchstone/api/wire"
)

// RotateWebhookSecret gives the webhook a new secret, which is in the answer and nowhere else.
func (c *Client) RotateWebhookSecret(ctx context.Context, id string, asked wire.RotateSecret) (rotated wire.Webhook, err error) {
	body, err := jsonBody(asked)
	if err != nil {
		return rotated, err
	}
	return rotated, c.do(ctx, call{method: "POST", path: "/v1/webhooks/" + url.PathEscape(id) + "/secret", body: body}, &rotated)
}
