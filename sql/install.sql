-- Start: remember where this is, let the launcher know at commit.

CREATE FUNCTION msgext.install() RETURNS void
LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'msgext_install';
SELECT msgext.install();
DROP FUNCTION msgext.install();
