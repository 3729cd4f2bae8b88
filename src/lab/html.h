/* SPDX-License-Identifier: MIT */
/*
 * Writing HTML that cannot be broken out of.
 *
 * Theory of operation
 *
 * Markup is a format of our own, what it says is data: every %s of iu_html_addf() is escaped for text and for attributes in
 * double quotes, so that forgetting it is not possible. Control characters, bytes that are not UTF-8 and marks that turn the
 * direction of text appear as \x1b and the like. Raw markup is added with iu_text_add().
 */
#ifndef IU_LAB_HTML_H
#define IU_LAB_HTML_H

#include "base/text.h"

/* Adds s as text, or inside an attribute in double quotes. */
void iu_html_text(struct iu_text *t, const char *s);
void iu_html_text_n(struct iu_text *t, const char *s, size_t len);
/* Markup with holes: %s (escaped), %d, %zu, %lld. No widths, no flags; "%%" is a percent sign. */
void iu_html_addf(struct iu_text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A sentence with holes, any of printf(): escaped as a whole. */
void iu_html_sayf(struct iu_text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/*
 * Adds a name as an id and as the fragment of a link, which are the same: other characters than letters, digits and "/_-." become
 * "~" and two hexadecimal digits. Different names stay different.
 */
void iu_html_id(struct iu_text *t, const char *name);

#endif
