// validatorUrl null: the page must not send the contract to a validator elsewhere.
SwaggerUIBundle({
	url: "/openapi.yaml",
	dom_id: "#page",
	deepLinking: true,
	validatorUrl: null,
	presets: [SwaggerUIBundle.presets.apis],
});
