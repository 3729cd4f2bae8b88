// SPDX-License-Identifier: MIT
// What check.py looks at inside the page. Each look returns a list of sentences; an empty one says that all is well.
globalThis.looks = (() => {
	const all = (selector, root = document) => [...root.querySelectorAll(selector)];
	const name = e => e.tagName.toLowerCase() + (e.id ? '#' + e.id : '') + (e.getAttribute('class') ? '.' + e.getAttribute('class') : '');
	const words = e => e.textContent.trim().replace(/\s+/g, ' ').slice(0, 40);
	const where = e => {
		const article = e.closest('article');
		return article ? article.querySelector('h3').id : (e.closest('section') || document.body).querySelector('[id]').id;
	};

	function document_() {
		const found = [], policy = document.querySelector('meta[http-equiv="Content-Security-Policy"]');
		if (!document.title) found.push('the page has no title');
		if (document.compatMode !== 'CSS1Compat') found.push('the page has no doctype');
		if (document.characterSet !== 'UTF-8') found.push('the page is not UTF-8 but ' + document.characterSet);
		if (!document.documentElement.lang) found.push('the page does not say its language');
		if (!policy || !policy.content.includes("default-src 'none'"))
			found.push("there is no Content-Security-Policy with default-src 'none'");
		else if (/unsafe|\*|https?:|data:/.test(policy.content.replace("style-src 'unsafe-inline'", '')))
			found.push('the Content-Security-Policy allows more than the page uses');
		if (!document.querySelector('meta[name=viewport]')) found.push('there is no viewport for phones');
		for (const e of all('script, iframe, object, embed, img, link, form')) found.push(`there is a ${name(e)}: a script or something from outside`);
		for (const e of all('*'))
			for (const a of e.attributes)
				if (/^on|^(src|srcset|style|action)$/.test(a.name)) found.push(`${name(e)} has ${a.name}`);
		if (document.body.innerText.length < 500) found.push('the page is empty');
		if (/<\/?[a-z]+[ >]|&(lt|gt|amp|quot|#39);|\(null\)|undefined\b/.test(document.body.textContent))
			found.push('markup shows as text: ' + document.body.textContent.match(/.{0,20}(<\/?[a-z]+[ >]|&(lt|gt|amp|quot|#39);|\(null\)|undefined\b).{0,20}/)[0]);
		return found;
	}

	function links() {
		const found = [], ids = new Set();
		for (const e of all('[id]')) {
			if (ids.has(e.id)) found.push(`the id ${e.id} is there twice`);
			ids.add(e.id);
		}
		for (const a of all('a')) {
			const href = a.getAttribute('href');
			if (!href || !href.startsWith('#')) found.push(`a link leads out of the page: ${href}`);
			else if (!document.getElementById(decodeURIComponent(href.slice(1)))) found.push(`a link leads nowhere: ${href}`);
			if (!a.textContent.trim()) found.push(`a link without words: ${href}`);
		}
		for (const h of all('article > h3'))
			if (!document.querySelector(`nav a[href="#${CSS.escape(h.id)}"]`) && !all('nav a').some(a => a.getAttribute('href') === '#' + h.id))
				found.push(`${h.id} is not in the table of contents`);
		for (const e of all('[aria-labelledby]'))
			for (const id of e.getAttribute('aria-labelledby').split(' '))
				if (!ids.has(id)) found.push(`${name(e)} is labelled by ${id}, which leads nowhere`);
		return found;
	}

	function headings() {
		const found = [];
		let before = 0;
		for (const h of all('h1, h2, h3, h4, h5, h6')) {
			const level = +h.tagName[1];
			if (level > before + 1) found.push(`a heading of level ${level} follows one of ${before}: ${words(h)}`);
			if (!h.textContent.trim()) found.push('a heading is empty');
			before = level;
		}
		if (all('h1').length !== 1) found.push(`there are ${all('h1').length} headings of level 1`);
		return found;
	}

	function diagrams() {
		const found = [];
		for (const article of all('article'))
			if (!article.querySelector('figure svg')) found.push(`${where(article)} has no diagram`);
		for (const svg of all('svg')) {
			const title = svg.querySelector(':scope > title'), desc = svg.querySelector(':scope > desc');
			const list = svg.closest('figure')?.querySelector('details.words ol');
			const drawn = all('text.k, text.f', svg).map(e => e.textContent);
			if (!title || !title.textContent.trim()) found.push(`a diagram of ${where(svg)} has no title`);
			if (!desc || !desc.textContent.trim()) found.push(`a diagram of ${where(svg)} has no description`);
			if (svg.getAttribute('role') !== 'img') found.push(`a diagram of ${where(svg)} is no image to a screen reader`);
			if (!list) {
				found.push(`a diagram of ${where(svg)} is not told in words`);
				continue;
			}
			const told = all('li li:not(.then)', list).map(e => e.textContent.trim());
			const said = +(list.closest('details').querySelector('summary').textContent.match(/\d+/) || [0])[0];
			if (told.filter(t => / to /.test(t)).length !== said)
				found.push(`a diagram of ${where(svg)} has ${said} packets, its list in words has ${told.length}`);
			let at = 0;
			for (const label of drawn) {
				const flags = label.split(' ')[0].split('+'), seq = label.match(/seq -?\d+/)[0];
				const fits = t => flags.every(f => t.includes(f)) && t.includes(', ' + seq + (/ ack /.test(label) ? ',' : ''));
				while (at < told.length && !fits(told[at])) at++;
				if (at++ >= told.length) found.push(`${where(svg)}: the packet "${label}" of the diagram is not in its list`);
			}
			if (drawn.length > said) found.push(`${where(svg)}: the diagram has ${drawn.length} packets, the list has ${said}`);
		}
		return found;
	}

	function matrix() {
		const found = [], tables = all('table.matrix');
		if (all('article > h3').some(h => /^matrix\/|^windows\/same-user/.test(h.id)) && !tables.length) found.push('there is no bind matrix');
		for (const table of tables) {
			const box = table.closest('[tabindex="0"][role=region]');
			if (!box || !box.getAttribute('aria-label')) found.push(`the matrix ${words(table.caption)} cannot be reached by the keyboard`);
			if (!table.caption) found.push('a matrix has no caption');
			for (const td of all('tbody td', table)) {
				const a = td.querySelector('a'), state = table.caption.querySelector('b').textContent;
				const ground = getComputedStyle(td).backgroundColor;
				if (!/[a-z]{4}/.test(td.textContent)) found.push(`a cell of the matrix ${state} has no word`);
				if (!a) found.push(`a cell of the matrix ${state} has no link`);
				else if (!document.getElementById(decodeURIComponent(a.getAttribute('href').slice(1)))?.closest('article')?.querySelector('h3').id.endsWith('/' + state))
					found.push(`a cell of the matrix ${state} does not lead to its experiment`);
				if (ground === 'rgba(0, 0, 0, 0)') found.push(`a cell of the matrix ${state} has no colour`);
			}
			for (const tr of all('tbody tr', table))
				if (!tr.querySelector('th[scope=row]') || tr.children.length !== table.tHead.rows[1].children.length)
					found.push(`a row of the matrix ${words(table.caption)} is not complete`);
		}
		return found;
	}

	function overflow() {
		const found = [], width = document.documentElement.clientWidth;
		if (document.documentElement.scrollWidth > width) {
			const wide = all('body *').filter(e => !e.closest('.scroll') && e.getBoundingClientRect().right > width + 1);
			found.push(`the page is wider than the window: ${document.documentElement.scrollWidth} of ${width} pixels, because of ${
				wide.slice(0, 3).map(e => name(e) + ' in ' + where(e)).join(', ')}`);
		}
		for (const e of all('article, td, th, li, p, dd, figure, .run > *')) {
			const box = e.getBoundingClientRect();
			if (!e.closest('.scroll') && box.width > 0 && (box.right > width + 1 || box.left < -1)) found.push(`wider than the window: ${name(e)} in ${where(e)}`);
		}
		for (const e of all('.scroll'))
			if (e.scrollWidth > e.clientWidth + 1 && e.tabIndex < 0)
				found.push(`what scrolls in ${where(e)} cannot be reached by the keyboard`);
		for (const e of all('.calls td, .calls th, .tiles li, .badge, .matrix td, .matrix th'))
			if (e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0) found.push(`"${words(e)}" in ${where(e)} does not fit in its place`);
		for (const e of all('h1, h2, .tiles li, .badge, .matrix b, .matrix small, .matrix th, .calls td')) {
			const word = brokenWord(e);
			if (word) found.push(`the word "${word}" is broken in ${where(e)}`);
		}
		return found;
	}

	// A word that goes on in another line although nothing says that it may be broken there.
	function brokenWord(e) {
		const walker = document.createTreeWalker(e, NodeFilter.SHOW_TEXT), range = document.createRange();
		for (let node; (node = walker.nextNode());)
			for (const match of node.data.matchAll(/[^\s-]+-?/g)) {
				if (match[0].length > 24) continue; // fits nowhere
				range.setStart(node, match.index);
				range.setEnd(node, match.index + match[0].length);
				if (new Set([...range.getClientRects()].map(r => Math.round(r.top))).size > 1) return match[0];
			}
		return '';
	}

	// Texts of a diagram against each other and its edges, as they are really drawn.
	function collisions() {
		const found = [];
		for (const svg of all('svg')) {
			const {width, height} = svg.viewBox.baseVal;
			const boxes = all('text', svg).map(e => ({e, b: e.getBBox()})).sort((x, y) => x.b.y - y.b.y);
			boxes.forEach(({e, b}, i) => {
				if (b.x < -0.5 || b.y < -0.5 || b.x + b.width > width + 0.5 || b.y + b.height > height + 3)
					found.push(`${where(svg)}: "${words(e)}" stands outside its diagram`);
				for (let k = i + 1; k < boxes.length && boxes[k].b.y < b.y + b.height - 3; k++) {
					const o = boxes[k].b;
					if (o.x < b.x + b.width && b.x < o.x + o.width) found.push(`${where(svg)}: "${words(boxes[k].e)}" stands on "${words(e)}"`);
				}
			});
		}
		return found;
	}

	const parse = colour => {
		const n = colour.match(/[\d.]+/g).map(Number);
		return {r: n[0], g: n[1], b: n[2], a: n.length > 3 ? n[3] : 1};
	};
	const over = (top, under) => ({r: top.r * top.a + under.r * (1 - top.a), g: top.g * top.a + under.g * (1 - top.a),
		b: top.b * top.a + under.b * (1 - top.a), a: 1});
	const light = c => [c.r, c.g, c.b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
		.reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
	const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);

	function ground(e) {
		const layers = [];
		for (; e; e = e.parentElement) {
			const c = parse(getComputedStyle(e).backgroundColor);
			if (c.a > 0) layers.push(c);
			if (c.a === 1) break;
		}
		return layers.reverse().reduce((under, top) => over(top, under), {r: 255, g: 255, b: 255, a: 1});
	}

	// The last filled shape of the diagram that lies under the middle of the text.
	function groundInDiagram(text) {
		const svg = text.ownerSVGElement, b = text.getBBox(), p = new DOMPoint(b.x + b.width / 2, b.y + b.height / 2);
		const shape = all('rect, path', svg).reverse().find(s => {
			const fill = getComputedStyle(s).fill;
			return fill !== 'none' && s.isPointInFill(p);
		});
		return shape ? parse(getComputedStyle(shape).fill) : ground(svg);
	}

	function contrast() {
		const found = new Set();
		let n = 0;
		const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
		const seen = new Set();
		for (let node; (node = walker.nextNode());) {
			const e = node.parentElement;
			if (!node.data.trim() || seen.has(e) || e.closest('title, desc')) continue;
			seen.add(e);
			const inDiagram = e.ownerSVGElement, style = getComputedStyle(e);
			const colour = parse(inDiagram ? style.fill : style.color), under = inDiagram ? groundInDiagram(e) : ground(e);
			const r = ratio(over(colour, under), under);
			n++;
			if (r < 4.5) found.add(`contrast ${r.toFixed(2)}:1 of ${name(e)} ("${words(e)}") in ${where(e)}`);
		}
		looks.texts = n;
		return [...found];
	}

	function scheme(want) {
		const bright = light(ground(document.body)) > 0.4;
		return bright === (want === 'light') ? [] : [`the page is ${bright ? 'bright' : 'dark'}`];
	}

	function landed(fragment) {
		const e = document.getElementById(decodeURIComponent(fragment));
		if (!e) return [`#${fragment} leads nowhere`];
		const b = e.getBoundingClientRect();
		if (b.height === 0) return [`#${fragment} stays folded away`];
		return b.top > -5 && b.top < innerHeight ? [] : [`#${fragment} is not scrolled to`];
	}

	// Fragments worth trying: a topic, an experiment, a case that is folded away, the matrix.
	function samples() {
		const ids = all('h2[id$="/"], article > h3, details.case[id], #matrix').map(e => e.id), n = ids.length;
		return [...new Set([0, 1, n >> 2, n >> 1, n - 1].filter(i => i >= 0 && i < n).map(i => ids[i]))];
	}

	return {
		document: document_, links, headings, diagrams, matrix, overflow, collisions, contrast, scheme, landed, samples,
		unfold: () => all('details').forEach(d => { d.open = true; }),
		sum: () => `${all('article').length} experiments, ${all('svg').length} diagrams, ${all('table.matrix td a').length} cells of the matrix, ` +
			`${all('a').length} links, ${looks.texts} texts: nothing wrong`,
	};
})();
0;
