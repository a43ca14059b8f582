package fetch

var Parse = parse
