/* SPDX-License-Identifier: MIT */
/*
 * Translation. _() marks and translates one whole sentence or template; N_() only marks (tables).
 * The library looks its own domain up and never calls setlocale(): that is the program's business.
 */
#ifndef IU_BASE_GETTEXT_H
#define IU_BASE_GETTEXT_H

#if INUSE_HAVE_NLS
#include <libintl.h>
#define _(text) dgettext("inuse", text)
#define iu_ngettext(one, many, n) dngettext("inuse", one, many, (unsigned long)(n))
#else
#define _(text) (text)
#define iu_ngettext(one, many, n) ((n) == 1 ? (one) : (many))
#endif
#define N_(text) text

#endif
