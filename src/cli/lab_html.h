/* SPDX-License-Identifier: MIT */
/* inuse lab --html FILE: gathers the runs and writes the page at the end. */
#ifndef IU_CLI_LAB_HTML_H
#define IU_CLI_LAB_HTML_H

#include <jansson.h>

#include "inuse.h"

struct iu_lab_html;

/* Before anything is played, so that a file that cannot be written costs no time. NULL: error says why. path must live on. */
struct iu_lab_html *iu_lab_html_new(const char *path, struct inuse_error *error);
void iu_lab_html_free(struct iu_lab_html *html); /* NULL is fine */
void iu_lab_html_add(struct iu_lab_html *html, const json_t *run);
/* Writes it. system: whose model played; kernel: the kernel was asked, too. */
enum inuse_status iu_lab_html_write(struct iu_lab_html *html, const char *system, bool kernel, struct inuse_error *error);

#endif
